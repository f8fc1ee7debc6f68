using System.Globalization;
using FlowRuntime.Training.Checkpoints;
using FlowRuntime.Training.Data;
using FlowRuntime.Training.Networks;
using FlowRuntime.Training.Objectives;
using FlowRuntime.Training.Optimisation;
using TorchSharp;
using static TorchSharp.torch;

namespace FlowRuntime.Training;

/// <summary>
/// One training of a network, which may be stopped after any step and gone on with from its checkpoint, bit for bit as if it had never
/// stopped (on one or two threads).
/// </summary>
/// <remarks>
/// What a training is after a step is the weights, AdamW's two averages, the moving averages, the number of the step and the sum of the
/// losses since the last report: all of it is in a checkpoint. The draws are functions of (seed, step, row) and have no state.
/// </remarks>
public sealed class TrainingRun : IDisposable
{
    private const int ReportEvery = 50;
    private const string Format = "1";

    private readonly VelocityNetwork _network;
    private readonly ConditionalFlowMatching _objective;
    private readonly TrainingOptions _options;
    private readonly CheckpointFolder? _checkpoints;
    private readonly TimeProvider _clock;

    private readonly LearningRate _rate;
    private readonly FlatParameters _parameters;
    private readonly AdamW _optimiser;
    private readonly ExponentialMovingAverage[] _averages; // the first is exported
    private readonly BatchGradient _gradient;
    private readonly HeldOutLoss? _heldOut;
    private readonly long[] _phaseTicks = new long[Enum.GetValues<TrainingPhase>().Length];

    private int _reportedStep;
    private double _lossSum; // since the last report
    private double _secondsBefore; // of the training, before the process went on with it
    private long _started, _phaseStarted;

    /// <summary>Makes a training, which goes on from the newest checkpoint where there is one.</summary>
    /// <param name="network">The network.</param>
    /// <param name="objective">What it is taught; its data are of the network's shape and classes.</param>
    /// <param name="options">How to train.</param>
    /// <param name="heldOut">Rows to measure the loss on besides; null for none.</param>
    /// <param name="checkpoints">Where checkpoints are kept; null for none.</param>
    /// <param name="clock">Tells the time; null for the system's.</param>
    /// <exception cref="ArgumentException">The data do not fit the network.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is of another network or of other moving averages.</exception>
    /// <exception cref="NotSupportedException">The device is not there.</exception>
    public TrainingRun(
        VelocityNetwork network, ConditionalFlowMatching objective, TrainingOptions options,
        Dataset? heldOut = null, CheckpointFolder? checkpoints = null, TimeProvider? clock = null)
    {
        Dataset data = objective.Data;
        (int classes, int vectorLength) = (data.ClassNames?.Count ?? 0, data.Vectors?.Length ?? 0);
        if (!network.Shape.SequenceEqual(data.Shape) || network.Classes != classes || network.VectorLength != vectorLength)
            throw new ArgumentException($"The network takes [{string.Join(", ", network.Shape)}] in {network.Classes} classes with {network.VectorLength} conditions, the data set {data.Name} has [{string.Join(", ", data.Shape)}] in {classes} with {vectorLength}.", nameof(objective));
        Device device = options.Device.ToTorch();
        set_num_threads(options.Threads);
        (_network, _objective, _options, _checkpoints, _clock) = (network, objective, options, checkpoints, clock ?? TimeProvider.System);
        if (options.Device != TrainingDevice.Cpu)
            network.to(device);
        network.train();
        _rate = new LearningRate(options.LearningRate, options.WarmupSteps, options.Steps, options.Schedule);
        _parameters = new FlatParameters(network);
        _optimiser = new AdamW(_parameters.Values, _parameters.Gradients, options.WeightDecay);
        _averages = [.. options.MoreEmaDecays.Prepend(options.EmaDecay).Distinct().Select(decay => new ExponentialMovingAverage(_parameters.Values, decay))];
        _gradient = new BatchGradient(network, options.BatchSize, objective.IsWeighted, options.Threads, device, options.Precision);
        _heldOut = heldOut is null ? null : new HeldOutLoss(network, heldOut, objective.Options, options.BatchSize, device);
        if (checkpoints?.Newest is { } newest)
            Load(newest.File);
    }

    /// <summary>Steps done.</summary>
    public int Step { get; private set; }

    /// <summary>Steps in all, at least 1; where the training ends on time, as many as it will come to at the speed so far.</summary>
    public int Steps => _options.Minutes is null ? _options.Steps : (int)Math.Min(int.MaxValue, Math.Max(Math.Max(1, Step), Step == 0 ? 1 : Step / ShareOfTime));

    /// <summary>Time that a part of the steps has taken so far in this process.</summary>
    /// <param name="phase">The part.</param>
    public TimeSpan TimeOf(TrainingPhase phase) => TimeSpan.FromSeconds((double)_phaseTicks[(int)phase] / _clock.TimestampFrequency);

    /// <summary>Trains to the end; the network's parameters are then the exported moving average.</summary>
    /// <param name="progress">Told every 50 steps, with each loss on held-out rows and at the end, on the calling thread.</param>
    /// <param name="afterStep">
    /// Called after each step, before its checkpoint, on the calling thread: for looking on (<see cref="Step"/>, <see cref="CopyAverageTo"/>). The
    /// time it takes is not in the speed that is reported, but counts where the training ends on time.
    /// </param>
    /// <param name="cancellationToken">Ends the training after the step under way, with a checkpoint.</param>
    /// <exception cref="InvalidOperationException">The loss is not finite any more.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void Run(Action<TrainingProgress>? progress = null, Action? afterStep = null, CancellationToken cancellationToken = default)
    {
        if (Step == 0)
            Save(); // what the training starts from is kept, too
        var batches = new BatchesAhead(_objective, _options.BatchSize, (long)Step * _options.Accumulation,
            _options.Minutes is null ? (long)_options.Steps * _options.Accumulation - 1 : null);
        _started = _clock.GetTimestamp();
        (long reportedTime, int firstStep) = (_started, Step);
        for (bool ended = IsOver; !ended;)
        {
            if (cancellationToken.IsCancellationRequested)
            {
                Save();
                cancellationToken.ThrowIfCancellationRequested();
            }
            double rate = _options.Minutes is null ? _rate.At(Step) : _rate.At(Step, ShareOfTime);
            double loss = TakeStep(batches, rate);
            if (!double.IsFinite(loss))
                throw new InvalidOperationException($"The loss is {loss} at step {Step}. Lower the learning rate (now {_options.LearningRate:G3}).");
            _lossSum += loss;
            ended = IsOver;
            bool validates = _heldOut is not null && (ended || Step % _options.ValidateEvery == 0);
            if (validates || ended || Step % ReportEvery == 0)
            {
                double seconds = _clock.GetElapsedTime(reportedTime).TotalSeconds;
                progress?.Invoke(new TrainingProgress(
                    Step, ended ? Step : Steps, _lossSum / (Step - _reportedStep), rate, (Step - Math.Max(_reportedStep, firstStep)) / seconds,
                    validates ? MeasureHeldOut() : null));
                (_lossSum, _reportedStep, reportedTime) = (0, Step, _clock.GetTimestamp());
            }
            if (afterStep is not null)
            {
                long before = _clock.GetTimestamp();
                afterStep();
                reportedTime += _clock.GetTimestamp() - before;
            }
            if (!ended && Step % _options.CheckpointEvery == 0)
                Save();
        }
        using (no_grad())
            _parameters.Values.copy_(_averages[0].Average);
        _network.eval();
        if (_options.Device != TrainingDevice.Cpu)
            _network.to(CPU);
    }

    /// <summary>Gives another network the weights that would be exported now, the moving average; the training does not change.</summary>
    /// <param name="network">A network of the same kind and size, on any device.</param>
    public void CopyAverageTo(VelocityNetwork network)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Dictionary<string, Tensor> weights = _network.state_dict();
        foreach ((string name, Tensor average) in _parameters.Named(_averages[0].Average))
            weights[name] = average;
        foreach ((string name, Tensor tensor) in network.state_dict())
            tensor.copy_(weights[name]);
    }

    /// <summary>The moving averages besides the exported one, by <c>average.DECAY.</c> and the parameter's name; views that live in the caller's dispose scope.</summary>
    public Dictionary<string, Tensor> MoreAverages() => new(_averages.Skip(1).SelectMany(Named));

    /// <summary>How the names of a moving average's tensors begin.</summary>
    /// <param name="decay">Its decay.</param>
    public static string AverageName(double decay) => string.Create(CultureInfo.InvariantCulture, $"average.{decay}.");

    /// <summary>Frees what the training holds; the network keeps its weights.</summary>
    public void Dispose()
    {
        _heldOut?.Dispose();
        _gradient.Dispose();
        foreach (ExponentialMovingAverage average in _averages)
            average.Dispose();
        _optimiser.Dispose();
        _parameters.Dispose();
    }

    private double Seconds => _secondsBefore + (_started == 0 ? 0 : _clock.GetElapsedTime(_started).TotalSeconds);

    private double ShareOfTime => Seconds / (60 * _options.Minutes!.Value);

    private bool IsOver => _options.Minutes is null ? Step >= _options.Steps : Step > 0 && ShareOfTime >= 1;

    private double TakeStep(BatchesAhead batches, double rate)
    {
        using var scope = NewDisposeScope();
        _phaseStarted = _clock.GetTimestamp();
        _parameters.Gradients.zero_();
        double loss = 0;
        for (int i = 0; i < _options.Accumulation; i++)
        {
            TrainingBatch batch = batches.Take();
            EndPhase(TrainingPhase.Draw);
            loss += _gradient.Add(batch, EndPhase) / _options.Accumulation;
        }
        if (_options.Accumulation > 1)
        {
            using Scalar share = (1.0 / _options.Accumulation).ToScalar();
            _parameters.Gradients.mul_(share);
        }
        GradientNorm.Clip(_parameters.Gradients, _options.ClipNorm);
        EndPhase(TrainingPhase.Clip);
        Step++;
        _optimiser.Step(rate, Step);
        EndPhase(TrainingPhase.Optimise);
        foreach (ExponentialMovingAverage average in _averages)
            average.Update(Step);
        EndPhase(TrainingPhase.Average);
        return loss;
    }

    private void EndPhase(TrainingPhase phase)
    {
        long now = _clock.GetTimestamp();
        _phaseTicks[(int)phase] += now - _phaseStarted;
        _phaseStarted = now;
    }

    private double MeasureHeldOut()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        Tensor kept = _parameters.Values.clone();
        _parameters.Values.copy_(_averages[0].Average);
        set_num_threads(_options.Threads);
        double loss = _heldOut!.Measure();
        _parameters.Values.copy_(kept);
        return loss;
    }

    private void Save()
    {
        if (_checkpoints is null)
            return;
        using var scope = NewDisposeScope();
        _checkpoints.Save(Step, State(), new Dictionary<string, string>
        {
            ["checkpoint"] = Format,
            ["step"] = Step.ToString(CultureInfo.InvariantCulture),
            ["reported_step"] = _reportedStep.ToString(CultureInfo.InvariantCulture),
            ["loss_sum"] = _lossSum.ToString("R", CultureInfo.InvariantCulture),
            ["seconds"] = Seconds.ToString("R", CultureInfo.InvariantCulture),
        });
    }

    private void Load(string file)
    {
        using var scope = NewDisposeScope();
        IReadOnlyDictionary<string, string> texts = Safetensors.ReadInto(file, State());
        try
        {
            Step = int.Parse(texts["step"], NumberStyles.None, CultureInfo.InvariantCulture);
            _reportedStep = int.Parse(texts["reported_step"], NumberStyles.None, CultureInfo.InvariantCulture);
            _lossSum = double.Parse(texts["loss_sum"], CultureInfo.InvariantCulture);
            _secondsBefore = double.Parse(texts["seconds"], CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is KeyNotFoundException or FormatException or OverflowException)
        {
            throw new InvalidDataException($"{file} is no checkpoint of a training: step, reported_step, loss_sum or seconds is missing or broken.", e);
        }
    }

    /// <summary>All tensors of the training: the weights by their own names, so that another training may start from them.</summary>
    private Dictionary<string, Tensor> State() => new(
    [
        .. _parameters.Named(_parameters.Values),
        .. _parameters.Named(_optimiser.Means, "mean."),
        .. _parameters.Named(_optimiser.Squares, "square."),
        .. _averages.SelectMany(Named),
    ]);

    private IEnumerable<KeyValuePair<string, Tensor>> Named(ExponentialMovingAverage average) => _parameters.Named(average.Average, AverageName(average.Decay));
}
