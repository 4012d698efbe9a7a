import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** Temporary folders with Lua files for a test. */
export class LuaFolders {
  private readonly root = mkdtempSync(join(tmpdir(), 'syncline-lua-'));
  private made = 0;

  /** @param files text of each file by its path, such as `parts/clock.lua` */
  make(files: Readonly<Record<string, string>>): URL {
    this.made += 1;
    const folder = join(this.root, `${this.made}`);
    for (const [path, text] of Object.entries(files)) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    return pathToFileURL(`${folder}/`);
  }

  remove(): void {
    rmSync(this.root, { recursive: true });
  }
}
