using FlowRuntime.Cards;

namespace FlowRuntime.Bench.Hostile;

/// <summary>Models made hostile from the shipped ones: which one is a function of the seed and the index.</summary>
/// <param name="seed">Seed.</param>
internal sealed class HostileModels(int seed)
{
    /// <summary>The small ones more often: what is hostile does not depend on the number of weights.</summary>
    private static readonly string[] Names = ["moons", "moons", "8gaussians", "8gaussians", "digits"];

    /// <summary>Most have one mutation, so that an outcome tells of it.</summary>
    private const double OneMore = 0.15;

    private readonly Dictionary<string, (byte[] Bytes, FlowCard Card)> _shipped = Names.Distinct().ToDictionary(name => name, name =>
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Models", $"{name}.onnx");
        return (File.ReadAllBytes(path), CardFile.Read(path));
    });

    /// <summary>Makes a model.</summary>
    /// <returns>What was done to it, and its bytes.</returns>
    public (string Kind, byte[] Bytes) this[long index]
    {
        get
        {
            var random = new Random(HashCode(seed, index));
            (byte[] bytes, FlowCard card) = _shipped[Names[random.Next(Names.Length)]];
            var model = new MutableModel(bytes, card, random);
            var kinds = new List<string>();
            do
            {
                Mutation mutation = model.Pick(Mutation.All);
                mutation.Apply(model);
                kinds.Add(mutation.Kind);
            }
            while (model.Chance(OneMore));
            return (string.Join(" + ", kinds), model.ToBytes());
        }
    }

    /// <summary>The same in every process, as the framework's own hash codes are not.</summary>
    private static int HashCode(int seed, long index)
    {
        ulong hash = (ulong)index * 0x9E3779B97F4A7C15 + (uint)seed;
        hash = (hash ^ hash >> 31) * 0xBF58476D1CE4E5B9;
        return (int)(hash >> 32);
    }
}
