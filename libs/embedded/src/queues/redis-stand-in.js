// Where the thread starts in a program that runs from the sources. A built package has the compiled file in this place.
import { tsImport } from 'tsx/esm/api';

await tsImport('./redis-stand-in.ts', import.meta.url);
