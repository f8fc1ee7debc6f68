Console.WriteLine("flow");
