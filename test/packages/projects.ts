import type { Project } from './project.js';

const BESIDE_NEST = { 'reflect-metadata': '0.2.2', rxjs: '7.8.2' };
const NEST_11 = { '@nestjs/common': '11.2.10', '@nestjs/core': '11.2.10', ...BESIDE_NEST };
const NEST_12 = { '@nestjs/common': '12.5.1', '@nestjs/core': '12.5.1', ...BESIDE_NEST };
const PLAIN = { keyv: '5.6.0' };

const NODENEXT = { module: 'nodenext' };
/** What Nest's starter had up to Nest 11, and most programs in CommonJS. */
const CLASSIC = { module: 'commonjs', moduleResolution: 'node', ignoreDeprecations: '6.0', rootDir: '.' };
const BUNDLER = { module: 'esnext', moduleResolution: 'bundler' };

/** As it comes: jest loads CommonJS only, and Nest 11 is in CommonJS. */
export const NEST_11_IN_JEST: Project = {
  name: 'Nest 11, jest, CommonJS',
  type: 'commonjs',
  compilerOptions: CLASSIC,
  program: 'nest',
  jest: true,
  dependencies: NEST_11,
};

/** Every kind of project that the packages are for. */
export const PROJECTS: readonly Project[] = [
  { name: 'ESM', type: 'module', compilerOptions: NODENEXT, program: 'plain', dependencies: PLAIN },
  { name: 'ESM, Bundler', type: 'module', compilerOptions: BUNDLER, program: 'plain', dependencies: PLAIN },
  { name: 'CommonJS', type: 'commonjs', compilerOptions: NODENEXT, program: 'plain', dependencies: PLAIN },
  {
    name: 'CommonJS, Node16',
    type: 'commonjs',
    compilerOptions: { module: 'node16' },
    program: 'plain',
    dependencies: PLAIN,
  },
  {
    name: 'CommonJS, classic',
    type: 'commonjs',
    compilerOptions: CLASSIC,
    program: 'plain',
    dependencies: PLAIN,
  },
  {
    name: 'CommonJS, jest',
    type: 'commonjs',
    compilerOptions: CLASSIC,
    program: 'plain',
    jest: true,
    dependencies: PLAIN,
  },
  NEST_11_IN_JEST,
  {
    name: 'Nest 11, CommonJS',
    type: 'commonjs',
    compilerOptions: NODENEXT,
    program: 'nest',
    dependencies: NEST_11,
  },
  { name: 'Nest 11, ESM', type: 'module', compilerOptions: NODENEXT, program: 'nest', dependencies: NEST_11 },
  { name: 'Nest 12, ESM', type: 'module', compilerOptions: NODENEXT, program: 'nest', dependencies: NEST_12 },
  {
    name: 'Nest 12, CommonJS',
    type: 'commonjs',
    compilerOptions: NODENEXT,
    program: 'nest',
    dependencies: NEST_12,
  },
];
