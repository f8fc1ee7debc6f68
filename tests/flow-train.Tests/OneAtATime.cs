using Xunit.Sdk;
using Xunit.v3;

// Torch's random numbers belong to the process: networks made side by side would take one another's weights.
[assembly: Parallelization(Mode = ParallelMode.None)]
