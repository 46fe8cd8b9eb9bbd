// Print what the public parser finds wrong with a document, one line each; exit 1 if it is invalid.
import { readFileSync } from "node:fs";
import { DiagnosticSeverity, Parser } from "@asyncapi/parser";

const { document, diagnostics } = await new Parser().parse(readFileSync(process.argv[2], "utf8"));
for (const found of diagnostics) {
  if (found.severity <= DiagnosticSeverity?.Warning) {
    console.log(`${found.path.join("/")}: ${found.message}`);
  }
}
process.exit(document ? 0 : 1);
