using System.CommandLine;

namespace FlowRuntime.Tool.Verbs;

/// <summary><c>flow completion SHELL</c>: prints what a shell needs to complete verbs and options of this tool at the tab key.</summary>
internal static class CompletionCommand
{
    private const string Bash = """
        # flow completion bash: put this line into ~/.bashrc: source <(flow completion bash)
        _flow() {
            local words
            mapfile -t words < <(flow "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)
            mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "${COMP_WORDS[COMP_CWORD]}")
        }
        complete -o default -F _flow flow
        """;

    private const string Zsh = """
        # flow completion zsh: put this line into ~/.zshrc: source <(flow completion zsh)
        _flow() {
            local -a words
            words=("${(@f)$(flow "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            compadd -a words
            _files
        }
        compdef _flow flow
        """;

    private const string Fish = """
        # flow completion fish: put this line into ~/.config/fish/config.fish: flow completion fish | source
        complete --command flow --arguments '(flow "[suggest:"(commandline --cursor)"]" (commandline) 2>/dev/null)'
        """;

    private const string PowerShell = """
        # flow completion pwsh: put this line into $PROFILE: flow completion pwsh | Out-String | Invoke-Expression
        Register-ArgumentCompleter -Native -CommandName flow -ScriptBlock {
            param($word, $line, $position)
            flow "[suggest:$position]" "$line" 2>$null | Where-Object { $_ -like "$word*" } | ForEach-Object {
                [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
            }
        }
        """;

    public static Command Make()
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh, fish or pwsh." };
        shell.CompletionSources.Add("bash", "zsh", "fish", "pwsh");
        var command = new Command("completion", """
            Prints what a shell needs to complete verbs and options at the tab key.

            Examples:
              flow completion bash
            """)
        {
            shell,
        };
        command.SetAction(parsed =>
        {
            string name = parsed.GetRequiredValue(shell);
            parsed.InvocationConfiguration.Output.WriteLine(name switch
            {
                "bash" => Bash,
                "zsh" => Zsh,
                "fish" => Fish,
                "pwsh" => PowerShell,
                _ => throw new ArgumentException($"SHELL: there is no completion for '{name}'. Choose bash, zsh, fish or pwsh."),
            });
        });
        return command;
    }
}
