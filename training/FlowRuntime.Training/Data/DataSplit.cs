using FlowRuntime.Sampling;

namespace FlowRuntime.Training.Data;

/// <summary>A data set in two parts: rows to train on, and rows held out to judge by.</summary>
/// <param name="Train">The rows to train on.</param>
/// <param name="HeldOut">The rows no training step sees.</param>
public sealed record DataSplit(Dataset Train, Dataset HeldOut)
{
    /// <summary>Splits a data set at random, always in the same way.</summary>
    /// <param name="data">The data set.</param>
    /// <param name="heldOutShare">Share held out, in (0, 1), but at least one row, and one is left. Default 0.2.</param>
    public static DataSplit Of(Dataset data, double heldOutShare = 0.2)
    {
        int[] order = Shuffle(data.Count, seed: 0);
        int heldOut = Math.Clamp((int)Math.Round(data.Count * heldOutShare), 1, data.Count - 1);
        return new DataSplit(data.Select(order[heldOut..]), data.Select(order[..heldOut]));
    }

    /// <summary>A random order of 0 … count − 1, a function of the seed. Source: Fisher and Yates, as in Knuth, TAOCP 2, algorithm 3.4.2P.</summary>
    /// <param name="count">Number of places.</param>
    /// <param name="seed">The seed.</param>
    public static int[] Shuffle(int count, ulong seed)
    {
        int[] order = [.. Enumerable.Range(0, count)];
        for (int i = count - 1; i > 0; i--)
        {
            uint word = Philox4x32.Block((uint)i, RandomStream.Shuffle, 0, 0, seed).X0;
            int j = (int)((ulong)word * (uint)(i + 1) >> 32);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }
}
