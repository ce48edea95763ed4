// Records anew what Microsoft's analyser says about the queries of this folder.
//
//   npm install @kusto/language-service-next@12.4.1      (in any folder)
//   node record.mjs <that folder>/node_modules
//
// Every case of a *.kql file is a query and, behind it, a line that begins with "=>": the result columns with their
// types (of several tables with "; " between them), or "=> error" and the code and place (line:column, from 1) of every error. The script writes those lines.
// A line that begins with "=| " is ours, where we differ on purpose: it says what we give and, behind a double slash, why.
// The script leaves these alone.
//
// The tables are those of ../bind/schema.txt, so that the analyser and the test read one schema.
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = path.dirname(fileURLToPath(import.meta.url));
const modules = path.resolve(process.argv[2] ?? 'node_modules');
const require = createRequire(path.join(modules, 'x.js'));
require('@kusto/language-service-next/bridge.min.js');
require('@kusto/language-service-next/Kusto.Language.Bridge.min.js');
const { version } = JSON.parse(fs.readFileSync(path.join(modules, '@kusto/language-service-next/package.json'), 'utf8'));
const { Symbols, GlobalState, KustoCode } = globalThis.Kusto.Language;

const list = (items) => {
  const out = [];
  if (!items) return out;
  const each = globalThis.Bridge.getEnumerator(items);
  while (each.moveNext()) out.push(each.Current);
  return out;
};

const tables = fs.readFileSync(path.join(folder, '../bind/schema.txt'), 'utf8').split('\n')
  .filter((line) => line && !line.startsWith('//'))
  .map((line) => {
    const [name, ...columns] = line.split(' ');
    const declared = columns.map((column) => column.replace(/^([^:]+):/, "['$1']:"));
    return new Symbols.TableSymbol.$ctor7(name, `(${declared.join(', ')})`, null);
  });
const database = Symbols.DatabaseSymbol.ctor ? new Symbols.DatabaseSymbol.ctor('hunting', tables) : new Symbols.DatabaseSymbol('hunting', tables);
const globals = GlobalState.Default.WithDatabase(database);

function place(text, offset) {
  const before = text.slice(0, offset);
  return `${before.split('\n').length}:${offset - before.lastIndexOf('\n')}`;
}

function outcome(text) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const errors = list(code.GetDiagnostics()).filter((d) => d.Severity === 'Error');
  if (errors.length) {
    const said = errors.map((d) => [d.Start, `${d.Code} ${place(text, d.Start)}`]);
    said.sort((a, b) => a[0] - b[0]);
    return `=> error ${[...new Set(said.map(([, text]) => text))].join(', ')}`;
  }
  const type = code.ResultType;
  const tables = type && globalThis.Bridge.is(type, Symbols.GroupSymbol) ? list(type.Members) : [type];
  const shown = (table) => list(table?.Columns).map((c) => `${c.Name}:${c.Type.Name}`).join(', ') || '(none)';
  return `=> ${tables.map(shown).join('; ')}`;
}

let cases = 0;
for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.kql')).sort()) {
  const out = [];
  let query = [];
  for (const line of fs.readFileSync(path.join(folder, file), 'utf8').trimEnd().split('\n')) {
    if (line.startsWith('=>')) {
      out.push(outcome(query.join('\n')));
      query = [];
      cases++;
    } else {
      out.push(line);
      const between = query.length === 0 && (line === '' || line.startsWith('//') || line.startsWith('=|'));
      if (!between) query.push(line);
    }
  }
  fs.writeFileSync(path.join(folder, file), out.join('\n') + '\n');
}
fs.writeFileSync(path.join(folder, 'recorded-with.txt'), `@kusto/language-service-next ${version}\n`);
console.log(`${cases} cases, @kusto/language-service-next ${version}`);
