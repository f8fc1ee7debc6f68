namespace FlowRuntime.TrainTool;

/// <summary>When samples are drawn and kept as pictures during a training.</summary>
internal sealed record PictureOptions
{
    /// <summary>Steps between two pictures, 0 for none. Default (null): ten in a training, but at least 200 steps apart.</summary>
    public int? Every
    {
        get;
        init => field = value is null or >= 0 ? value
            : throw new ArgumentOutOfRangeException(nameof(Every), value, "Give a whole number of steps, or 0 for no pictures.");
    }
}
