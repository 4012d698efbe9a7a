import { LuaFolders } from '@syncline/testing';
import { asLibrary, asScript, type Command, readShelf } from './shelf.js';

describe('a Lua shelf', () => {
  const folders = new LuaFolders();
  afterAll(() => folders.remove());

  const commandOf = (shelf: ReturnType<typeof readShelf>, name: string) =>
    shelf.commands.get(name) as Command;

  it('places each part once, before the files that include it', () => {
    const shelf = readShelf(
      folders.make({
        'run.lua': '-- @include parts/b.lua\n-- @include parts/c.lua\nreturn 1',
        'parts/a.lua': 'local a',
        'parts/b.lua': '-- @include parts/a.lua\nlocal b',
        'parts/c.lua': '-- @include parts/a.lua\n-- @include @redis/clock.lua\nlocal c',
      }),
    );
    expect(commandOf(shelf, 'run').parts).toEqual([
      'parts/a.lua',
      'parts/b.lua',
      '@redis/clock.lua',
      'parts/c.lua',
    ]);
    expect([...shelf.parts.keys()]).toEqual(commandOf(shelf, 'run').parts);
  });

  it('puts only the included parts into a script', () => {
    const shelf = readShelf(
      folders.make({
        'one.lua': '#!lua flags=allow-oom,no-cluster\n-- @include parts/a.lua\nreturn one',
        'two.lua': '-- @include parts/b.lua\nreturn two',
        'parts/a.lua': 'local a',
        'parts/b.lua': 'local b',
      }),
    );
    const script = asScript(shelf, commandOf(shelf, 'one'), { instance: null, guarded: false });
    expect(script).toMatch(/^#!lua flags=allow-oom,no-cluster\n/);
    expect(script).toContain('local a');
    expect(script).not.toContain('local b');
    expect(script).not.toContain('two');
  });

  it('has a library name that depends on its text', () => {
    const named = (text: string) => asLibrary('prefix', readShelf(folders.make({ 'run.lua': text }))).name;
    expect(named('return 1')).toMatch(/^prefix_[0-9a-f]{16}$/);
    expect(named('return 1')).toBe(named('return 1'));
    expect(named('return 1')).not.toBe(named('return 2'));
  });

  it.each([
    ['an include that names no file', { 'run.lua': '-- @include parts/a.lua' }, /ENOENT/],
    [
      'parts that include each other',
      {
        'run.lua': '-- @include parts/a.lua',
        'parts/a.lua': '-- @include parts/b.lua',
        'parts/b.lua': '-- @include parts/a.lua',
      },
      /parts\/a\.lua includes itself/,
    ],
    [
      'two parts that leave one name',
      {
        'one.lua': '-- @include parts/a.lua',
        'two.lua': '-- @include parts/b.lua',
        'parts/a.lua': 'local x, now = 1',
        'parts/b.lua': 'local function now() end',
      },
      /parts\/a\.lua and parts\/b\.lua both leave a local now/,
    ],
    [
      'a part that leaves a name of the library itself',
      { 'run.lua': '-- @include parts/a.lua', 'parts/a.lua': 'local INSTANCE = 1' },
      /both leave a local INSTANCE/,
    ],
    ['a folder without commands', { 'parts/a.lua': 'local a' }, /There is no Lua in/],
  ])('refuses %s', (_what, files, message) => {
    const folder = folders.make(files as Record<string, string>);
    expect(() => readShelf(folder)).toThrow(message);
  });
});
