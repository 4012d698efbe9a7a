import Sequencer from '@jest/test-sequencer';

/** From the longest files to the shortest, by folder. A file that starts last should not be one that the others have to wait for. */
const FOLDERS = ['test/faults/', 'test/left-behind/', 'test/e2e/', ''];
/** The longest, which their folder does not tell. */
const LONG =
  /((lock|queue|cache)\.faults|cli\.lock-run|reference|rolling-upgrade|redis-forms|examples|lock\.nodes|membership|swagger-ui|packages)\.spec\.ts$/;

/** Jest orders files by how long they took; a clean checkout does not know that. */
export default class extends Sequencer {
  sort(tests) {
    const rank = ({ path }) =>
      FOLDERS.findIndex((folder) => path.includes(folder)) - (LONG.test(path) ? 1.5 : 0);
    return super.sort(tests).sort((a, b) => rank(a) - rank(b));
  }
}
