// Parses each line of standard input, a JSON string with a PromQL query, as Grafana's editor does; prints those that are not well-formed.
import { readFileSync } from 'node:fs';
import { parser } from '@prometheus-io/lezer-promql';

const queries = readFileSync(0, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
let broken = 0;
for (const query of queries) {
  const faults = [];
  parser.parse(query).iterate({
    enter: (node) => {
      if (node.type.isError) faults.push(node.from);
    },
  });
  if (faults.length > 0) {
    broken += 1;
    console.log(`${query}\n  at ${faults.join(', ')}`);
  }
}
console.log(`${queries.length} queries, ${broken} broken`);
process.exit(broken === 0 && queries.length > 0 ? 0 : 1);
