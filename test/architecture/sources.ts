import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import ts from 'typescript';

/** A file of the repository: its path from the root, with `/`, and its text. */
export interface Source {
  readonly path: string;
  readonly text: string;
}

/** A rule of CONTRIBUTING.md. Returns one line for each violation: the file, and what to do. */
export type Rule = (sources: readonly Source[]) => string[];

/** Every source file that is tracked by git or not ignored. */
export function readSources(): Source[] {
  const listed = execFileSync(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '--deduplicate'],
    {
      encoding: 'utf8',
    },
  );
  const deleted = new Set(execFileSync('git', ['ls-files', '--deleted'], { encoding: 'utf8' }).split('\n'));
  return listed
    .split('\n')
    .filter((path) => /\.(ts|mjs|lua|md)$/.test(path) && !deleted.has(path))
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}

/** The import and re-export specifiers of a TypeScript file, including types. */
export const importsOf = ({ text }: Source): string[] =>
  ts.preProcessFile(text, true, true).importedFiles.map(({ fileName }) => fileName);

/** Tests, test helpers and tools: code that is not shipped. */
export const isTestOrTool = ({ path }: Source): boolean =>
  /\.spec\.ts$|^(test|scripts|benchmarks|examples|libs\/testing)\//.test(path);

export const isTypeScript = ({ path }: Source): boolean => path.endsWith('.ts');
export const isMarkdown = ({ path }: Source): boolean => path.endsWith('.md');
export const isLua = ({ path }: Source): boolean => path.endsWith('.lua');
