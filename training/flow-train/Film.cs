using FlowRuntime.Cards;
using FlowRuntime.Fields;
using FlowRuntime.Ode;
using FlowRuntime.Sampling;

namespace FlowRuntime.TrainTool;

/// <summary>A few samples on their way from noise to data, as rows of frames at equal distances in time.</summary>
internal static class Film
{
    /// <summary>Solves from frame to frame.</summary>
    /// <param name="model">The model; sample i has class i, modulo the classes.</param>
    /// <param name="samples">Number of samples.</param>
    /// <param name="frames">Number of frames, the noise and the sample included.</param>
    /// <param name="cancellationToken">Ends the solve.</param>
    /// <returns>The frames in the data's units, [samples, frames, dimension].</returns>
    public static float[] Draw(FlowModel model, int samples, int frames, CancellationToken cancellationToken)
    {
        int dimension = model.Field.Dimension;
        int classes = model.Card.Conditions?.Classes?.Names.Count ?? 0;
        float[] film = new float[samples * frames * dimension];
        float[] states = new float[samples * dimension];
        for (int sample = 0; sample < samples; sample++)
            Noise.Fill(seed: 0, sample, states.AsSpan(sample * dimension, dimension));
        for (int frame = 0; frame < frames; frame++)
        {
            if (frame > 0)
                states = Advance(states, (double)(frame - 1) / (frames - 1), (double)frame / (frames - 1));
            float[] shown = [.. states];
            DataTransform.ToDataUnits(model.Card.Data, shown);
            for (int sample = 0; sample < samples; sample++)
                shown.AsSpan(sample * dimension, dimension).CopyTo(film.AsSpan((sample * frames + frame) * dimension));
        }
        return film;

        float[] Advance(float[] from, double start, double end) => OdeSolver.Solve(new OdeProblem
        {
            Field = model.Field,
            Count = samples,
            InitialState = (index, state) => from.AsSpan((int)index * dimension, dimension).CopyTo(state),
            ConditionOf = index => classes == 0 ? Condition.None : new Condition { Label = (int)(index % classes) },
            Start = start,
            End = end,
        }, cancellationToken: cancellationToken).EnsureSuccess().Values;
    }
}
