using System.Buffers.Binary;
using System.Text;
using FlowRuntime.Build;
using TorchSharp;

namespace FlowRuntime.Training.Tests;

public class ElfVersionPatchTests
{
    private const string Library = "libstdc++.so.6";
    private const string Version = "GLIBCXX_3.4.32";
    private const byte FlagWeak = 2;

    // Where the parts of a made file lie.
    private const int ProgramHeaders = 64;
    private const int Dynamic = ProgramHeaders + (2 * 56);
    private const int Verneed = Dynamic + (3 * 16);

    [Fact]
    public void Only_the_flag_of_the_named_version_of_the_named_library_changes()
    {
        byte[] image = MakeElf(("libother.so.1", ["GLIBC_2.34", Version]), (Library, ["GLIBCXX_3.4.30", Version, "CXXABI_1.3"]));
        byte[] expected = [.. image];
        int otherLibrary = Verneed, library = otherLibrary + 16 + (2 * 16), secondVersion = library + 16 + 16;
        expected[secondVersion + 4] = FlagWeak;

        Assert.Equal(ElfVersionPatchOutcome.Patched, ElfVersionPatch.MakeWeak(image, Library, Version));

        Assert.Equal(expected, image);
    }

    [Fact]
    public void A_second_run_finds_the_version_weak_and_changes_nothing()
    {
        byte[] image = MakeElf((Library, [Version]));
        ElfVersionPatch.MakeWeak(image, Library, Version);
        byte[] patched = [.. image];

        Assert.Equal(ElfVersionPatchOutcome.AlreadyWeak, ElfVersionPatch.MakeWeak(image, Library, Version));

        Assert.Equal(patched, image);
    }

    [Fact]
    public void A_version_no_longer_asked_for_changes_nothing()
    {
        byte[][] images =
        [
            MakeElf(),
            MakeElf((Library, ["GLIBCXX_3.4.30", "GLIBCXX_3.4.3", "GLIBCXX_3.4.321"])),
            MakeElf(("libother.so.1", [Version]), ("libc.so.6", ["GLIBC_2.34"])),
        ];

        Assert.All(images, image =>
        {
            byte[] original = [.. image];
            Assert.Equal(ElfVersionPatchOutcome.NotRequired, ElfVersionPatch.MakeWeak(image, Library, Version));
            Assert.Equal(original, image);
        });
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        byte[] image = MakeElf((Library, [Version]));

        Assert.All(Enumerable.Range(0, image.Length), length =>
            Assert.Throws<InvalidDataException>(() => ElfVersionPatch.MakeWeak(image[..length], Library, Version)));
    }

    [Fact]
    public void A_damaged_file_is_either_refused_untouched_or_read()
    {
        byte[] sound = MakeElf(("libother.so.1", ["GLIBC_2.34"]), (Library, ["GLIBCXX_3.4.30", Version]));
        var random = new Random(20261123);
        int refused = 0;
        for (int trial = 0; trial < 20_000; trial++)
        {
            byte[] image = [.. sound];
            for (int damage = 0; damage <= trial % 3; damage++)
            {
                byte[] values = [0, 1, 0x7f, 0x80, 0xff, (byte)random.Next(256)];
                image[random.Next(image.Length)] = values[random.Next(values.Length)];
            }

            byte[] damaged = [.. image];
            if (Record.Exception(() => ElfVersionPatch.MakeWeak(image, Library, Version)) is { } exception)
            {
                Assert.IsType<InvalidDataException>(exception);
                Assert.Equal(damaged, image);
                refused++;
            }
        }

        Assert.InRange(refused, 1_000, 19_000);
    }

    [Theory]
    [InlineData(0, (byte)'M', "not an ELF file")]
    [InlineData(4, (byte)1, "not a 64-bit ELF file")]
    [InlineData(5, (byte)2, "not a little-endian ELF file")]
    [InlineData(Verneed, (byte)2, "Verneed entry at 0xe0: revision 2")]
    [InlineData(Verneed + 12, (byte)0xf8, "Verneed entry at 0x1d8 (16 bytes) reaches beyond the end")]
    [InlineData(Dynamic, (byte)6, "DT_VERNEED without DT_STRTAB")]
    [InlineData(Dynamic + 8 + 1, (byte)0xff, "DT_STRTAB: no segment of the file holds address 0xff")]
    [InlineData(54, (byte)8, "e_phentsize at 0x36 is 8")]
    public void A_refusal_names_the_problem_and_its_place(int offset, byte value, string problem)
    {
        byte[] image = MakeElf(("libother.so.1", ["GLIBC_2.34", Version]), (Library, [Version]));
        image[offset] = value;

        var exception = Assert.Throws<InvalidDataException>(() => ElfVersionPatch.MakeWeak(image, Library, Version));

        Assert.Contains(problem, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_build_gave_this_program_a_patched_LibTorchSharp()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libLibTorchSharp.so is the library for Linux.");
        string[] folders = ["", "runtimes/linux-x64/native"];
        string file = Assert.Single(folders.Select(folder => Path.Combine(AppContext.BaseDirectory, folder, "libLibTorchSharp.so")), File.Exists);
        byte[] image = File.ReadAllBytes(file);
        byte[] patched = [.. image];

        Assert.Equal(ElfVersionPatchOutcome.AlreadyWeak, ElfVersionPatch.MakeWeak(image, Library, Version));
        Assert.Equal(patched, image);

        // Found without the chain of entries: a Vernaux entry begins with the hash of the version's name; its flags follow.
        byte[] start = new byte[6];
        BinaryPrimitives.WriteUInt32LittleEndian(start, ElfHash(Version));
        start[4] = FlagWeak;
        int entry = image.AsSpan().IndexOf(start);
        Assert.Equal(entry, image.AsSpan().LastIndexOf(start));
        image[entry + 4] = 0;
        Assert.Equal(ElfVersionPatchOutcome.Patched, ElfVersionPatch.MakeWeak(image, Library, Version));
        Assert.Equal(patched, image);
    }

    [Fact]
    public void Torch_loads_and_computes()
    {
        using torch.Tensor ones = torch.ones(2);
        using torch.Tensor sum = ones.sum();

        Assert.Equal(2f, sum.item<float>());
    }

    /// <summary>
    /// Makes a 64-bit little-endian ELF file of header, program headers, dynamic section, required versions and names,
    /// all in one loaded segment whose addresses are 0x1000 above the offsets in the file.
    /// </summary>
    private static byte[] MakeElf(params (string Library, string[] Versions)[] required)
    {
        List<byte> names = [0];
        uint Name(string name)
        {
            int offset = names.Count;
            names.AddRange(Encoding.ASCII.GetBytes(name + '\0'));
            return (uint)offset;
        }

        const ulong Address = 0x1000;
        int strings = Verneed + required.Sum(library => 16 + (16 * library.Versions.Length));
        using var file = new MemoryStream();
        using var writer = new BinaryWriter(file);
        writer.Write([0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1, .. new byte[9]]);  // e_ident
        writer.Write((ushort)3);                                                         // e_type: ET_DYN
        writer.Write((ushort)62);                                                        // e_machine: EM_X86_64
        writer.Write(1u);                                                                // e_version
        writer.Write(0ul);                                                               // e_entry
        writer.Write((ulong)ProgramHeaders);                                             // e_phoff
        writer.Write(0ul);                                                               // e_shoff
        writer.Write(0u);                                                                // e_flags
        writer.Write((ushort)64);                                                        // e_ehsize
        writer.Write((ushort)56);                                                        // e_phentsize
        writer.Write((ushort)2);                                                         // e_phnum
        writer.Write(new byte[6]);                                                       // e_shentsize, e_shnum, e_shstrndx

        void ProgramHeader(uint type, ulong offset, ulong size)
        {
            writer.Write(type);              // p_type
            writer.Write(4u);                // p_flags: PF_R
            writer.Write(offset);            // p_offset
            writer.Write(offset + Address);  // p_vaddr
            writer.Write(offset + Address);  // p_paddr
            writer.Write(size);              // p_filesz
            writer.Write(size);              // p_memsz
            writer.Write(8ul);               // p_align
        }

        ulong size = (ulong)(strings + 1 + required.Sum(library => library.Library.Length + 1 + library.Versions.Sum(version => version.Length + 1)));
        ProgramHeader(1, 0, size);                      // PT_LOAD
        ProgramHeader(2, Dynamic, Verneed - Dynamic);   // PT_DYNAMIC
        writer.Write(5ul);                              // DT_STRTAB
        writer.Write(Address + (ulong)strings);
        writer.Write(required.Length > 0 ? 0x6ffffffeul : 0);  // DT_VERNEED, or the end
        writer.Write(Address + Verneed);
        writer.Write(new byte[16]);                     // DT_NULL

        for (int i = 0; i < required.Length; i++)
        {
            (string library, string[] versions) = required[i];
            writer.Write((ushort)1);                                                                   // vn_version
            writer.Write((ushort)versions.Length);                                                     // vn_cnt
            writer.Write(Name(library));                                                               // vn_file
            writer.Write(16u);                                                                         // vn_aux
            writer.Write(i + 1 < required.Length ? 16 + (16 * versions.Length) : 0);                   // vn_next
            for (int j = 0; j < versions.Length; j++)
            {
                writer.Write(ElfHash(versions[j]));                                                    // vna_hash
                writer.Write((ushort)0);                                                               // vna_flags
                writer.Write((ushort)(2 + j));                                                         // vna_other
                writer.Write(Name(versions[j]));                                                       // vna_name
                writer.Write(j + 1 < versions.Length ? 16u : 0);                                       // vna_next
            }
        }

        writer.Write([.. names]);
        return file.ToArray();
    }

    /// <summary>The hash function of the System V ABI, chapter 5.</summary>
    private static uint ElfHash(string name)
    {
        uint hash = 0;
        foreach (char c in name)
        {
            hash = (hash << 4) + c;
            uint high = hash & 0xf000_0000;
            hash = (hash ^ (high >> 24)) & ~high;
        }

        return hash;
    }
}
