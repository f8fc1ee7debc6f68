using System.CommandLine;
using FlowRuntime.CommandLine;
using FlowRuntime.Tool.Input;
using FlowRuntime.Tool.Output;

namespace FlowRuntime.Tool.Arguments;

/// <summary>The data that a verb works on.</summary>
internal sealed class DataArguments
{
    private readonly Option<string> _in = new("--in")
    {
        Description = "Data in their own units: a .npy array, a .csv table, a picture, or a folder of pictures (images in [0, 1]).",
        Required = true,
    };

    public void AddTo(Command command) => command.Add(_in);

    /// <summary>Opens the data, which must be rows of the model.</summary>
    public DataRows Open(ParseResult parsed, FlowModel model)
    {
        RowDescription rows = RowDescription.Of(model);
        try
        {
            return CommandHost.Checked("--in", () => DataRows.Open(parsed.GetRequiredValue(_in), rows.Shape, rows.Columns, rows.Image));
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"--in: {e.Message}", e);
        }
    }

    /// <summary>By what the data are told from others, so that a job never goes on with those of another.</summary>
    public static IReadOnlyDictionary<string, string> Identity(DataRows data) => new Dictionary<string, string> { ["data"] = data.Hash() };
}
