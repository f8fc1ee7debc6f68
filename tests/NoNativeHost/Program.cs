using FlowRuntime;

// Opens a model in an application that forgot the native ONNX Runtime, and prints what it is told.
try
{
    using FlowModel model = FlowModel.Open(args[0]);
    Console.WriteLine("opened");
}
catch (Exception e)
{
    Console.WriteLine(e.GetType().FullName);
    Console.WriteLine(e.Message);
}
