import { watchFile } from 'node:fs';

/** Looks at the files: no notice comes of those that are mounted into a container, lie on a network or are links that are replaced. */
const LOOK_EVERY_MS = 1_000;

/** Calls `changed` when one of the files was written, replaced or removed, for as long as the process runs. */
export function watchFiles(paths: readonly string[], changed: () => void): void {
  for (const path of paths) watchFile(path, { interval: LOOK_EVERY_MS, persistent: false }, changed);
}
