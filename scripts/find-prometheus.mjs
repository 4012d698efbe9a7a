import { findProgram } from './find-program.mjs';

/** Says how to install Prometheus. */
export const HOW_TO_GET_PROMETHEUS = `No Prometheus was found, and this user cannot install one. Install it, then try again:
  sudo apt-get install prometheus   (macOS: brew install prometheus)`;

/**
 * Finds or installs the Prometheus for the tests. Its `promtool` is beside it.
 *
 * @param {(line: string) => void} say prints a progress line
 * @returns {string | null} null when there is none and it cannot be installed
 */
export const findPrometheus = (say) => findProgram({ names: ['prometheus'], debian: 'prometheus' }, say);
