// npm run sbom: prints the bill of materials of a node (CycloneDX), by the lockfile. `npm sbom --omit dev` also leaves out what nodes and tools
// both need.
import { execFileSync } from 'node:child_process';

const text = execFileSync('npm', ['sbom', '--package-lock-only', '--sbom-format', 'cyclonedx'], {
  maxBuffer: 67_108_864,
});
const bill = JSON.parse(text);
const isOfTools = ({ properties }) =>
  properties.some(({ name, value }) => name === 'cdx:npm:package:development' && value === 'true');
bill.components = bill.components.filter((component) => !isOfTools(component));
const shipped = new Set(
  [bill.metadata.component, ...bill.components].map((component) => component['bom-ref']),
);
bill.dependencies = bill.dependencies
  .filter(({ ref }) => shipped.has(ref))
  .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => shipped.has(other)) }));
console.log(JSON.stringify(bill, null, 2));
