import { findProgram } from './find-program.mjs';

/** How to get a browser, for a person whose machine has none. */
export const HOW_TO_GET_CHROMIUM = `No Chromium was found, and this user cannot install one. Get it, then try again:
  sudo apt-get install chromium   (macOS: brew install chromium)
or put a google-chrome on the PATH.`;

/**
 * The Chromium that tests open pages in.
 *
 * @param {(line: string) => void} say told what takes time
 * @returns {string | null} null when there is none and none can be installed
 */
export const findChromium = (say) =>
  findProgram(
    {
      names: ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'],
      debian: 'chromium',
    },
    say,
  );
