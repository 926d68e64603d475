// What npm installed, wherever that is: HALLPASS_TEST_OIDC_PROVIDER names the folder above node_modules.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const folder = process.env.HALLPASS_TEST_OIDC_PROVIDER || join(here, '../../target/oidc-provider');
const find = createRequire(join(folder, 'package.json'));

// It says on load that it is tested on later Nodes, and in use what a real provider should not do. Standard output is for
// what the tests read.
console.info = console.warn = () => {};

export const { Provider } = await import(pathToFileURL(find.resolve('oidc-provider')));
export const jose = await import(pathToFileURL(find.resolve('jose')));
