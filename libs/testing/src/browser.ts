import type { Browser } from 'playwright-core';
import { HOW_TO_GET_CHROMIUM } from '../../../scripts/find-chromium.mjs';

/**
 * Starts the Chromium of this machine.
 *
 * @throws Error that says how to get one when there is none
 */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM;
  if (!executablePath) throw new Error(HOW_TO_GET_CHROMIUM);
  // Only here: it takes a third of a second to load, and few tests have a browser.
  const { chromium } = await import('playwright-core');
  return chromium.launch({
    executablePath,
    // Chromium cannot use its sandbox as root.
    chromiumSandbox: process.getuid?.() !== 0,
    // Shared memory is scarce in containers.
    args: ['--disable-dev-shm-usage'],
  });
}
