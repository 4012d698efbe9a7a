import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Role } from '@syncline/contracts';

/**
 * A copy of the built app with one rule broken on purpose: the suite must notice it. It is a text patch of the shipped
 * files, so the product has no test switches, and a patch that no longer applies is an error.
 */
export interface Mutant {
  /** The rule that is broken, in a few words. */
  readonly name: string;
  /** File of the built app, from its own folder: `libs/locks/src/redis/scripts/release.lua`. */
  readonly file: string;
  /** Text that occurs there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** Folder of the copies, inside the project, so that they find its node_modules. */
const FOLDER = '.data/mutants';

/** The file of a mutant in `dist`, with its rule broken. @throws Error when the text to replace does not occur exactly once */
export async function brokenText(role: Role, mutant: Mutant): Promise<string> {
  const text = await readFile(join('dist', 'apps', role, mutant.file), 'utf8');
  const parts = text.split(mutant.find);
  if (parts.length === 2) return parts.join(mutant.replace);
  throw new Error(
    `Mutant "${mutant.name}": ${mutant.file} has the text to replace ${parts.length - 1} times, not once. ` +
      'The code has changed: adapt the mutant.',
  );
}

/**
 * Builds a mutant of a role from `dist`.
 *
 * @returns its dist folder and how to remove it
 * @throws Error when the text to replace does not occur exactly once
 */
export async function buildMutant(
  role: Role,
  mutant: Mutant,
): Promise<{ dist: string; remove: () => Promise<void> }> {
  const text = await brokenText(role, mutant);
  await mkdir(FOLDER, { recursive: true });
  const dist = await mkdtemp(join(FOLDER, `${role}-`));
  const remove = () => rm(dist, { recursive: true, force: true });
  try {
    await cp(join('dist', 'apps', role), join(dist, 'apps', role), { recursive: true });
    await symlink(resolve('dist', 'apps', 'node_modules'), join(dist, 'apps', 'node_modules'));
    await writeFile(join(dist, 'apps', role, mutant.file), text);
  } catch (error) {
    await remove();
    throw error;
  }
  return { dist, remove };
}
