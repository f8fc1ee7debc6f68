using FlowRuntime.Cards;
using FlowRuntime.Sampling;
using FlowRuntime.Training.Data;

namespace FlowRuntime.TrainTool.Tests;

/// <summary>The demo's judgement, on the digits model that ships; the demo itself trains for half a minute and is run by hand.</summary>
public class DemoTests
{
    private static readonly string ModelPath = Path.Combine(AppContext.BaseDirectory, "Models", "digits.onnx");
    private static readonly DataSplit Split = DataSplit.Of(Digits.Load());

    [Fact]
    public void The_shipped_digits_are_right_various_near_the_data_and_no_copies()
    {
        using FlowModel model = FlowModel.Open(ModelPath);
        DemoFigures figures = DemoFigures.Measure(model, Split, TestContext.Current.CancellationToken);
        Assert.InRange(figures.HeldOutAccuracy, 0.95, 1);
        Assert.InRange(figures.GeneratedAccuracy, 0.95, 1);
        Assert.All(figures.SpreadRatios, ratio => Assert.InRange(ratio, 0.85, 1.15));
        Assert.InRange(figures.Energy.Ratio, 0, 3);
        Assert.InRange(figures.HeldOutNearShare, 0.4, 0.6); // half of true data are nearer than the median, by its definition
        Assert.InRange(figures.NearShare, 0, figures.HeldOutNearShare + 0.10);
    }

    [Fact]
    public void A_model_with_its_classes_in_the_wrong_order_is_found_out()
    {
        DemoFigures figures = Measure(card => card, new DataSplit(Relabelled(Split.Train), Relabelled(Split.HeldOut)));
        Assert.InRange(figures.HeldOutAccuracy, 0.95, 1); // the classifier learnt the same wrong names
        Assert.InRange(figures.GeneratedAccuracy, 0, 0.2);
    }

    [Fact]
    public void A_model_that_stops_at_noise_is_found_out()
    {
        DemoFigures figures = Measure(card => card with { Path = card.Path with { End = 0.05 } }, Split);
        Assert.InRange(figures.Energy.Ratio, 10, double.PositiveInfinity);
        Assert.InRange(figures.GeneratedAccuracy, 0, 0.6);
        Assert.Contains(figures.SpreadRatios, ratio => ratio > 1.15);
    }

    [Fact]
    public void A_film_leads_from_the_noise_to_the_sample()
    {
        using FlowModel model = FlowModel.Open(ModelPath);
        const int samples = 3, frames = 4, pixels = 64;
        float[] film = Film.Draw(model, Digits.Load(), samples, frames, TestContext.Current.CancellationToken);
        Assert.Equal(samples * frames * pixels, film.Length);
        float[] ends = model.Sample(samples, new SamplingOptions { Labels = [0, 1, 2] }).Values;
        for (int sample = 0; sample < samples; sample++)
        {
            float[] noise = new float[pixels];
            Noise.Fill(seed: 0, sample, noise);
            DataTransform.ToDataUnits(model.Card.Data, noise);
            Assert.Equal(noise, film[(sample * frames * pixels)..((sample * frames + 1) * pixels)]);
            float[] last = film[(((sample + 1) * frames - 1) * pixels)..((sample + 1) * frames * pixels)];
            Assert.All(last.Zip(ends[(sample * pixels)..((sample + 1) * pixels)]), pair => Assert.Equal(pair.Second, pair.First, 0.02f));
        }
    }

    private static DemoFigures Measure(Func<FlowCard, FlowCard> change, DataSplit split)
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("flow-demo").FullName, "model.onnx");
        try
        {
            File.Copy(ModelPath, path);
            CardFile.Write(path, change(CardFile.Read(path)));
            using FlowModel model = FlowModel.Open(path);
            return DemoFigures.Measure(model, split, TestContext.Current.CancellationToken);
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(path)!, recursive: true);
        }
    }

    /// <summary>The data with every digit called by the next one's name.</summary>
    private static Dataset Relabelled(Dataset data) =>
        new(data.Name, data.Shape, data.Values, data.Card, [.. data.Labels!.Select(label => (label + 1) % 10)], data.ClassNames);
}
