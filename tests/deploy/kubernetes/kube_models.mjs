// Reads a JSON list of objects and prints what is wrong with each: types, required fields, formats. Argument: what kube-models prints.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const require = createRequire(process.argv[2] + "/package.json");
const faults = [];
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const operator = object.apiVersion.startsWith("monitoring.coreos.com/");
  const models = require(`${operator ? "@kubernetes-models/prometheus-operator" : "kubernetes-models"}/${object.apiVersion}`);
  try {
    new models[object.kind](object).validate();
  } catch (error) {
    faults.push(`${object.kind} ${object.metadata.name}: ${error.message}`);
  }
}
process.stdout.write(JSON.stringify(faults));
