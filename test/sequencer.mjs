import Sequencer from '@jest/test-sequencer';

/** From the longest files to the shortest, by folder. A file that starts last should not be one that the others have to wait for. */
const FOLDERS = ['test/faults/', 'test/left-behind/', 'test/e2e/', ''];
/** The longest of test/e2e, which their folder does not tell. */
const LONG = /(redis-forms|rolling-upgrade|swagger-ui|examples|membership|packages|cli\.lock-run)\.spec\.ts$/;

/** Jest orders files by how long they took; a clean checkout does not know that. */
export default class extends Sequencer {
  sort(tests) {
    const rank = ({ path }) =>
      FOLDERS.findIndex((folder) => path.includes(folder)) - (LONG.test(path) ? 1.5 : 0);
    return super.sort(tests).sort((a, b) => rank(a) - rank(b));
  }
}
