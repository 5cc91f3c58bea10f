import { Argument, type Command } from 'commander';

/**
 * `completion`: what a shell needs to complete commands and options.
 * @param buildAll the program with all its commands
 */
export function addCompletionCommand(program: Command, buildAll: () => Promise<Command>): void {
  program
    .command('completion')
    .description('Print what a shell needs to complete commands and options.')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      `
Examples:
  source <(synced-tables completion bash)                                  # in ~/.bashrc
  source <(synced-tables completion zsh)                                   # in ~/.zshrc, after compinit
  synced-tables completion fish > ~/.config/fish/completions/synced-tables.fish`,
    )
    .action(async (shell: Shell) => {
      process.stdout.write(SCRIPTS[shell](wordsOf(await buildAll())));
    });
}

type Shell = 'bash' | 'zsh' | 'fish';

/** What may follow each command, `''` for none yet; a command below another is `token create`. */
type Words = ReadonlyMap<string, readonly string[]>;

function wordsOf(command: Command, path: readonly string[] = [], words = new Map<string, readonly string[]>()): Words {
  const options = command.options.flatMap(({ long, hidden }) => (long === undefined || hidden ? [] : [long]));
  const below = command.commands.map((each) => each.name());
  words.set(path.join(' '), [...below, ...options, '--help']);
  for (const each of command.commands) wordsOf(each, [...path, each.name()], words);
  return words;
}

const SCRIPTS: Readonly<Record<Shell, (words: Words) => string>> = {
  bash: bashScript,
  zsh: (words) => `autoload -U +X bashcompinit && bashcompinit\n${bashScript(words)}`,
  fish: fishScript,
};

/** Files are completed where no word fits. */
function bashScript(words: Words): string {
  const cases = [...words].map(([path, each]) => `    "${path}") words="${each.join(' ')}" ;;`);
  return `_synced_tables() {
  local words="" path="" before=("\${COMP_WORDS[@]:1:COMP_CWORD-1}")
  for word in "\${before[@]}"; do case "$word" in -*) break ;; *) path="\${path:+$path }$word" ;; esac; done
  while :; do
    case "$path" in
${cases.map((each) => `  ${each}`).join('\n')}
    esac
    [ -n "$words" ] || [ "\${path% *}" = "$path" ] && break
    path="\${path% *}"
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _synced_tables synced-tables
`;
}

function fishScript(words: Words): string {
  const lines = [...words].flatMap(([path, each]) => {
    const condition =
      path === '' ? '__fish_use_subcommand' : `__fish_seen_subcommand_from ${path.split(' ').at(-1) ?? ''}`;
    return each.map((word) => {
      const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`;
      return `complete -c synced-tables -n '${condition}' ${what}`;
    });
  });
  return `${lines.join('\n')}\n`;
}
