namespace FlowRuntime.Bench;

/// <summary>Models opened and closed again and again: nothing is left of them.</summary>
internal static class OpenedModels
{
    private const int Times = 10_000, Between = 100;

    public static IEnumerable<Figure> Run()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Models", "moons.onnx");
        var looks = new List<Held>();
        int equal = 0;
        float[]? expected = null;
        for (int i = 0; i < Times; i++)
        {
            using FlowModel model = FlowModel.Open(path);
            float[] values = model.Sample(1, new SamplingOptions { Seed = 7, Workers = 1 }).EnsureSuccess().Values;
            expected ??= values;
            equal += values.AsSpan().SequenceEqual(expected) ? 1 : 0;
            if (i % Between == 0)
                looks.Add(Held.Now());
        }
        string section = $"a model opened, asked for a sample and closed {Times:N0} times";
        yield return new Figure(section, "times that gave the same sample", equal, "times", Times, AtLeast: true);
        foreach (Figure figure in Held.Growth(section, looks))
            yield return figure;
    }
}
