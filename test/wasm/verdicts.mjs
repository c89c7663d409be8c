// Which of many modules are valid: our engine's verdicts against V8's, and wabt's where the two differ.
// usage: node verdicts.mjs DIRECTORY
//
// DIRECTORY/verdicts has a line `STATUS FILE` per module, with what `capos-wasm validate` exited. Our engine is
// wrong where V8 and wabt agree against it; where only one of them does (V8 knows later features, each overlooks
// some rules) the module is disputed: counted and, with -v, listed.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const [directory, verbose] = process.argv.slice(2);
const VALID = 0, REFUSED = 2;
let valid = 0, refused = 0, disputed = 0;
const wrong = [];

for (const line of readFileSync(join(directory, 'verdicts'), 'utf8').split('\n').filter(Boolean)) {
    const [status, filename] = line.split(' ');
    const path = join(directory, filename);
    const ours = Number(status) === VALID;
    if (Number(status) !== VALID && Number(status) !== REFUSED) {
        wrong.push(`${filename}: exit status ${status}`);
        continue;
    }
    ours ? valid++ : refused++;
    if (WebAssembly.validate(readFileSync(path)) === ours) continue;
    const wabt = spawnSync('wasm-validate', [path], { encoding: 'utf8' });
    const text = `${filename}: ours says ${ours ? 'valid' : 'refused'}; ${wabt.stderr.split('\n')[0]}`;
    if ((wabt.status === 0) === ours || wabt.status === null || wabt.status > 1) {
        disputed++;
        if (verbose) console.log(`    disputed ${text}`);
    } else {
        wrong.push(text);
    }
}
wrong.slice(0, 20).forEach((text) => console.log(`    ${text}`));
const counts = `${valid + refused} modules: ${valid} valid, ${refused} refused, ${disputed} of them disputed by V8 alone`;
console.log(wrong.length ? `not ok verdicts - ${wrong.length} wrong of ${counts}` : `ok verdicts (${counts})`);
process.exit(wrong.length ? 1 : 0);
