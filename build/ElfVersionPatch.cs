#if !NET // inside MSBuild nothing is imported by itself
using System;
using System.IO;
#endif
using System.Text;

namespace FlowRuntime.Build;

/// <summary>What <see cref="ElfVersionPatch.MakeWeak"/> found and did.</summary>
public enum ElfVersionPatchOutcome
{
    /// <summary>The version was required; now its flag VER_FLG_WEAK is set.</summary>
    Patched,

    /// <summary>The flag was set before; nothing was changed.</summary>
    AlreadyWeak,

    /// <summary>The file does not ask for this version of this library; nothing was changed.</summary>
    NotRequired,
}

/// <summary>
/// Makes one symbol version that an ELF file requires of a shared library optional, so that the file also loads
/// where the library is older.
/// </summary>
/// <remarks>
/// <para>
/// An ELF file lists the versions it requires in a chain of Verneed entries, one a library, each with a chain of
/// Vernaux entries, one a version. The dynamic loader refuses the file when a library lacks a listed version,
/// unless the flag VER_FLG_WEAK of the Vernaux entry is set. A symbol that is bound to that version and really
/// needed still fails to resolve: make a version weak only if what is bound to it is never called.
/// </para>
/// <para>
/// The chain is found as the loader finds it, through the dynamic segment; the section headers, which a file may
/// lack, are not read. Only 64-bit little-endian files are known.
/// </para>
/// <para>
/// Sources: System V ABI (gABI), chapters 4 and 5: ELF header, program header, dynamic section. Linux Standard Base
/// Core, generic part, "Symbol Versioning": Elfxx_Verneed and Elfxx_Vernaux. VER_FLG_WEAK: Solaris Linker and
/// Libraries Guide, "Version Dependency Section"; glibc, elf/dl-version.c, match_symbol.
/// </para>
/// </remarks>
public static class ElfVersionPatch
{
    private const int ElfHeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const int DynamicEntrySize = 16;
    private const int VerneedSize = 16;
    private const int VernauxSize = 16;

    private const ulong SegmentLoad = 1;             // PT_LOAD
    private const ulong SegmentDynamic = 2;          // PT_DYNAMIC
    private const ulong TagEnd = 0;                  // DT_NULL
    private const ulong TagStringTable = 5;          // DT_STRTAB
    private const ulong TagVerneed = 0x6ffffffe;     // DT_VERNEED
    private const byte FlagWeak = 2;                 // VER_FLG_WEAK

    /// <summary>Sets the flag VER_FLG_WEAK of one required version in place.</summary>
    /// <param name="image">The bytes of the whole file. At most one bit is changed, and none where an exception is thrown.</param>
    /// <param name="library">The name the file knows the library by (DT_NEEDED), such as <c>libstdc++.so.6</c>.</param>
    /// <param name="version">The version's name, such as <c>GLIBCXX_3.4.32</c>.</param>
    /// <returns>Whether the version was required, and whether its flag was set before.</returns>
    /// <exception cref="InvalidDataException">
    /// <paramref name="image"/> is no 64-bit little-endian ELF file, is truncated or contradicts itself. The message
    /// names the structure and its place in the file.
    /// </exception>
    public static ElfVersionPatchOutcome MakeWeak(byte[] image, string library, string version)
    {
        CheckHeader(image);
        if (!FindVerneed(image, out ulong verneed, out ulong strings))
        {
            return ElfVersionPatchOutcome.NotRequired;
        }

        // Both chains lead forward by unsigned steps, and every entry is checked to lie in the file: the loops end.
        for (ulong step = 1; step != 0; verneed += step)
        {
            CheckRange(image, verneed, VerneedSize, "Verneed entry");
            ulong revision = Read(image, verneed, 2);                   // vn_version
            if (revision != 1)
            {
                throw new InvalidDataException($"Verneed entry at 0x{verneed:x}: revision {revision}, but only 1 is known");
            }

            ulong name = strings + Read(image, verneed + 4, 4);         // vn_file
            ulong versions = verneed + Read(image, verneed + 8, 4);     // vn_aux
            step = Read(image, verneed + 12, 4);                        // vn_next
            if (ReadName(image, name) == library && FindVernaux(image, versions, strings, version, out ulong vernaux))
            {
                ulong flags = vernaux + 4;                              // vna_flags
                if ((image[flags] & FlagWeak) != 0)
                {
                    return ElfVersionPatchOutcome.AlreadyWeak;
                }

                image[flags] |= FlagWeak;
                return ElfVersionPatchOutcome.Patched;
            }
        }

        return ElfVersionPatchOutcome.NotRequired;
    }

    private static void CheckHeader(byte[] image)
    {
        if (image.Length < 4 || image[0] != 0x7f || image[1] != 'E' || image[2] != 'L' || image[3] != 'F')
        {
            throw new InvalidDataException("not an ELF file: it does not begin with 7F 45 4C 46");
        }

        CheckRange(image, 0, ElfHeaderSize, "ELF header");
        if (image[4] != 2)
        {
            throw new InvalidDataException($"not a 64-bit ELF file: EI_CLASS at 0x4 is {image[4]}, not 2");
        }

        if (image[5] != 1)
        {
            throw new InvalidDataException($"not a little-endian ELF file: EI_DATA at 0x5 is {image[5]}, not 1");
        }
    }

    /// <summary>Finds the first Verneed entry and the string table it refers to, as offsets in the file.</summary>
    private static bool FindVerneed(byte[] image, out ulong verneed, out ulong strings)
    {
        ulong? verneedAddress = null, stringsAddress = null;
        for (int segment = 0; TryReadSegment(image, segment, out ulong type, out ulong offset, out _, out ulong size); segment++)
        {
            if (type != SegmentDynamic)
            {
                continue;
            }

            for (ulong entry = offset; entry + DynamicEntrySize <= offset + size; entry += DynamicEntrySize)
            {
                ulong tag = Read(image, entry, 8), value = Read(image, entry + 8, 8);
                if (tag == TagEnd)
                {
                    break;
                }

                verneedAddress = tag == TagVerneed ? value : verneedAddress;
                stringsAddress = tag == TagStringTable ? value : stringsAddress;
            }
        }

        if (verneedAddress == null)
        {
            verneed = strings = 0;
            return false;
        }

        verneed = ToOffset(image, verneedAddress.Value, "DT_VERNEED");
        strings = ToOffset(image, stringsAddress ?? throw new InvalidDataException("dynamic segment: DT_VERNEED without DT_STRTAB"), "DT_STRTAB");
        return true;
    }

    private static bool FindVernaux(byte[] image, ulong first, ulong strings, string version, out ulong vernaux)
    {
        vernaux = first;
        for (ulong step = 1; step != 0; vernaux += step)
        {
            CheckRange(image, vernaux, VernauxSize, "Vernaux entry");
            ulong name = strings + Read(image, vernaux + 8, 4);         // vna_name
            step = Read(image, vernaux + 12, 4);                        // vna_next
            if (ReadName(image, name) == version)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Where in the file the byte lies that the loader maps to <paramref name="address"/>.</summary>
    private static ulong ToOffset(byte[] image, ulong address, string tag)
    {
        for (int segment = 0; TryReadSegment(image, segment, out ulong type, out ulong offset, out ulong start, out ulong size); segment++)
        {
            if (type == SegmentLoad && address >= start && address - start < size)
            {
                return offset + (address - start);
            }
        }

        throw new InvalidDataException($"{tag}: no segment of the file holds address 0x{address:x}");
    }

    /// <summary>Reads a program header; false past the last. What a loaded or dynamic segment takes of the file is checked to lie in it.</summary>
    private static bool TryReadSegment(byte[] image, int index, out ulong type, out ulong offset, out ulong address, out ulong size)
    {
        type = offset = address = size = 0;
        ulong table = Read(image, 32, 8);           // e_phoff
        ulong entrySize = Read(image, 54, 2);       // e_phentsize
        ulong count = Read(image, 56, 2);           // e_phnum
        if ((ulong)index >= count)
        {
            return false;
        }

        if (entrySize < ProgramHeaderSize)
        {
            throw new InvalidDataException($"ELF header: e_phentsize at 0x36 is {entrySize}, less than {ProgramHeaderSize}");
        }

        CheckRange(image, table, count * entrySize, "program header table");
        ulong header = table + ((ulong)index * entrySize);
        type = Read(image, header, 4);              // p_type
        offset = Read(image, header + 8, 8);        // p_offset
        address = Read(image, header + 16, 8);      // p_vaddr
        size = Read(image, header + 32, 8);         // p_filesz
        if (type == SegmentLoad || type == SegmentDynamic)
        {
            CheckRange(image, offset, size, $"segment {index}");
        }

        return true;
    }

    private static string ReadName(byte[] image, ulong offset)
    {
        CheckRange(image, offset, 1, "name");
        int end = Array.IndexOf(image, (byte)0, (int)offset);
        return end >= 0
            ? Encoding.ASCII.GetString(image, (int)offset, end - (int)offset)
            : throw new InvalidDataException($"name at 0x{offset:x} has no end");
    }

    /// <summary>Reads a little-endian number of <paramref name="size"/> bytes, whose range has been checked.</summary>
    private static ulong Read(byte[] image, ulong offset, int size)
    {
        ulong value = 0;
        for (int i = size - 1; i >= 0; i--)
        {
            value = (value << 8) | image[offset + (ulong)i];
        }

        return value;
    }

    private static void CheckRange(byte[] image, ulong offset, ulong size, string what)
    {
        ulong length = (ulong)image.Length;
        if (offset > length || size > length - offset)
        {
            throw new InvalidDataException($"{what} at 0x{offset:x} ({size} bytes) reaches beyond the end of the file ({length} bytes): truncated or damaged");
        }
    }
}

#if !NET // What MSBuild compiles at build time sees no symbol of a target framework; the tests, which lack MSBuild's assemblies, do.

/// <summary>Writes a copy of an ELF file in which one required version of a library is optional (<see cref="ElfVersionPatch"/>).</summary>
/// <remarks>
/// Where the file does not ask for the version the copy is the file itself. The copy appears complete or not at all.
/// A file that is no sound ELF file fails the build.
/// </remarks>
public sealed class PatchElfVersion : Microsoft.Build.Utilities.Task
{
    /// <summary>Path of the file to read; it is never changed.</summary>
    [Microsoft.Build.Framework.Required]
    public string Source { get; set; } = "";

    /// <summary>Path of the copy to write; its folder is created.</summary>
    [Microsoft.Build.Framework.Required]
    public string Destination { get; set; } = "";

    /// <summary>The name the file knows the library by, such as <c>libstdc++.so.6</c>.</summary>
    [Microsoft.Build.Framework.Required]
    public string Library { get; set; } = "";

    /// <summary>The version to make optional, such as <c>GLIBCXX_3.4.32</c>.</summary>
    [Microsoft.Build.Framework.Required]
    public string Version { get; set; } = "";

    /// <inheritdoc/>
    public override bool Execute()
    {
        byte[] image;
        try
        {
            image = File.ReadAllBytes(Source);
            if (ElfVersionPatch.MakeWeak(image, Library, Version) == ElfVersionPatchOutcome.NotRequired)
            {
                Log.LogMessage(Microsoft.Build.Framework.MessageImportance.Low, "{0} does not ask for {1} of {2}: copied as it is.", Source, Version, Library);
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            return Fail(Source, e, "Delete the package's folder in the NuGet cache and restore again.");
        }

        string partial = $"{Destination}.{Guid.NewGuid():N}.partial";
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Destination));
            File.WriteAllBytes(partial, image);
            if (File.Exists(Destination))
            {
                File.Replace(partial, Destination, null);
            }
            else
            {
                File.Move(partial, Destination);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Fail(Destination, e, "See that its folder can be written and the disk is not full.");
        }

        return true;
    }

    private bool Fail(string file, Exception cause, string cure)
    {
        Log.LogError(null, null, null, file, 0, 0, 0, 0, "{0}. {1}", cause.Message.TrimEnd('.'), cure);
        return false;
    }
}

#endif
