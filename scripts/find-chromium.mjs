import { findProgram } from './find-program.mjs';

/** Says how to install a browser. */
export const HOW_TO_GET_CHROMIUM = `No Chromium was found, and this user cannot install one. Install it, then try again:
  sudo apt-get install chromium   (macOS: brew install chromium)
or put a google-chrome on the PATH.`;

/**
 * Finds or installs the Chromium for the tests.
 *
 * @param {(line: string) => void} say prints a progress line
 * @returns {string | null} null when there is none and it cannot be installed
 */
export const findChromium = (say) =>
  findProgram(
    {
      names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
      debian: 'chromium',
    },
    say,
  );
