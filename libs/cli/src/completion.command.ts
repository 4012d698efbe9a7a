import { Argument, type Command } from 'commander';
import { write } from './output.js';

/** What may follow the words of a command: subcommands, choices of its arguments, options. */
interface Place {
  readonly path: string;
  readonly words: readonly Word[];
}
interface Word {
  readonly text: string;
  readonly description: string;
}

const HELP = `
Put it where your shell reads it, for example:
  bash  eval "$(syncline completion bash)"    in ~/.bashrc
  zsh   eval "$(syncline completion zsh)"     in ~/.zshrc, after compinit
  fish  syncline completion fish > ~/.config/fish/completions/syncline.fish`;

/** Adds the command that prints what a shell needs to complete all commands of the program. */
export function addCompletionCommand(program: Command): void {
  program
    .command('completion')
    .description('print the script that completes syncline in a shell')
    .addArgument(new Argument('<shell>', 'bash, zsh or fish').choices(Object.keys(SCRIPTS)))
    .addHelpText('after', HELP)
    .action((shell: keyof typeof SCRIPTS) => write(SCRIPTS[shell](placesOf(program))));
}

function placesOf(command: Command, path = ''): Place[] {
  const words = [
    ...command.commands.map((each) => ({ text: each.name(), description: each.description() })),
    ...command.registeredArguments.flatMap(({ argChoices = [], description }) =>
      argChoices.map((text) => ({ text, description })),
    ),
    ...command.options.flatMap(({ long, description }) => (long ? [{ text: long, description }] : [])),
  ];
  const below = command.commands.flatMap((each) => placesOf(each, `${path} ${each.name()}`));
  return [{ path, words }, ...below];
}

/** `path` grows by each word that is a subcommand. Where nothing fits, bash completes files. */
const bash = (places: readonly Place[]): string => `_syncline() {
  local word="\${COMP_WORDS[COMP_CWORD]}" path= words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
      ${places.flatMap(({ path }) => (path === '' ? [] : `'${path}'`)).join(' | ')}) path="$path \${COMP_WORDS[i]}" ;;
    esac
  done
  case "$path" in
${places.map(({ path, words }) => `    '${path}') words='${words.map(({ text }) => text).join(' ')}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _syncline syncline
`;

const fish = (places: readonly Place[]): string =>
  places
    .flatMap(({ path, words }) => {
      const before = path.split(' ').slice(1);
      const below = words.filter(({ text }) => !text.startsWith('-')).map(({ text }) => text);
      const seen = before.map((word) => `__fish_seen_subcommand_from ${word}`);
      const here = [
        ...seen,
        ...(below.length > 0 ? [`not __fish_seen_subcommand_from ${below.join(' ')}`] : []),
      ];
      return words.map(({ text, description }) => {
        const what = text.startsWith('--') ? `-l ${text.slice(2)}` : `-a ${text}`;
        return `complete -c syncline -n '${here.join('; and ')}' ${what} -d '${quoted(description)}'\n`;
      });
    })
    .join('');

const quoted = (text: string) => text.replaceAll(/['\\]/g, '\\$&');

const SCRIPTS = {
  bash,
  zsh: (places: readonly Place[]) => `autoload -U +X bashcompinit && bashcompinit\n${bash(places)}`,
  fish,
};
