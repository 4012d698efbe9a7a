import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

describe('the API reference', () => {
  let generated: string;

  beforeAll(async () => {
    generated = await mkdtemp(join(tmpdir(), 'syncline-reference-'));
    // Fails when a public symbol has no docstring, or a link is broken.
    await run('node_modules/.bin/typedoc', ['--out', generated]);
  });

  afterAll(() => rm(generated, { recursive: true, force: true }));

  it('matches the docstrings (npm run reference writes it)', async () => {
    const files = await readdir(generated);
    expect(await readdir('docs/reference')).toEqual(files);
    for (const file of files) {
      expect(await readFile(join('docs/reference', file), 'utf8')).toBe(
        await readFile(join(generated, file), 'utf8'),
      );
    }
  });
});
