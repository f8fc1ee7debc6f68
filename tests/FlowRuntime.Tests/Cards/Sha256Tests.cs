using System.Security.Cryptography;
using System.Text;
using CsCheck;
using FlowRuntime.Cards;

namespace FlowRuntime.Tests;

/// <summary>The hash of systems without OpenSSL is that of all others.</summary>
public class Sha256Tests
{
    /// <summary>Source: the examples of NIST for FIPS 180-4.</summary>
    [Theory]
    [InlineData("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")]
    [InlineData("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")]
    public void The_published_examples_hold(string text, string expected)
    {
        using var hash = new Sha256(byPlatform: false);
        hash.Append(Encoding.ASCII.GetBytes(text));
        Assert.Equal(expected, hash.Finish());
    }

    [Fact]
    public void Bytes_in_any_pieces_have_the_hash_of_the_platform() => Gen.Byte.Array[0, 300].List[0, 6].Sample(pieces =>
    {
        using Sha256 managed = new(byPlatform: false), platform = new();
        foreach (byte[] piece in pieces)
        {
            managed.Append(piece);
            platform.Append(piece);
        }
        string expected = Convert.ToHexStringLower(SHA256.HashData([.. pieces.SelectMany(piece => piece)]));
        return managed.Finish() == expected && platform.Finish() == expected;
    });
}
