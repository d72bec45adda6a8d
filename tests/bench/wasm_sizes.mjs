/*
 * What a WebAssembly module is made of: the bytes of each function with its name, as the module has
 * them after the optimizer; and, by the linker's map, which library each came from.
 */

function reader(bytes) {
  let at = 0;
  const leb = () => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = bytes[at++];
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  return {
    leb,
    get at() {
      return at;
    },
    to: (place) => (at = place),
    byte: () => bytes[at++],
    text: () => {
      const len = leb();
      at += len;
      return Buffer.from(bytes.subarray(at - len, at)).toString();
    },
  };
}

const SECTION = {custom: 0, import: 2, code: 10, data: 11};

/** [{id, begin, end, name?}] */
function sectionsOf(bytes) {
  const r = reader(bytes);
  const sections = [];
  for (r.to(8); r.at < bytes.length;) {
    const id = r.byte();
    const len = r.leb();
    const end = r.at + len;
    const name = id === SECTION.custom ? r.text() : undefined;
    sections.push({id, name, begin: r.at, end});
    r.to(end);
  }
  return sections;
}

/** Map from the number of a function to its name; names are of the section "name". */
function functionNames(bytes, {begin, end}) {
  const r = reader(bytes);
  const names = new Map();
  for (r.to(begin); r.at < end;) {
    const id = r.byte();
    const len = r.leb();
    const next = r.at + len;
    if (id === 1) for (let n = r.leb(); n > 0; n--) names.set(r.leb(), r.text());
    r.to(next);
  }
  return names;
}

function importedFunctions(module) {
  return WebAssembly.Module.imports(module).filter(({kind}) => kind === 'function').length;
}

/** {functions: [{name, bytes}], data: bytes of the data section}, of a module with names. */
export function moduleParts(bytes) {
  const sections = sectionsOf(bytes);
  const names = functionNames(
    bytes,
    sections.find(({name}) => name === 'name'),
  );
  const code = sections.find(({id}) => id === SECTION.code);
  const data = sections.find(({id}) => id === SECTION.data);
  const r = reader(bytes);
  const functions = [];
  r.to(code.begin);
  const first = importedFunctions(new WebAssembly.Module(bytes));
  for (let i = 0, n = r.leb(); i < n; i++) {
    const begin = r.at;
    const len = r.leb();
    r.to(r.at + len);
    const name = names.get(first + i) ?? `function ${first + i}`;
    functions.push({name, bytes: bytes.subarray(begin, r.at)});
  }
  return {functions, data: data.end - data.begin};
}

/** `liblibssh2.a(kex.c.o)` > libssh2; a path of exports.c > exports; what has no file > linker. */
function libraryOf(file) {
  const archive = /(?:^|\/)lib([^/]+)\.a\(/.exec(file);
  if (archive) return archive[1].replace(/^core_/, 'wasm/').replace(/^lib(?=sodium|ssh2)/, 'lib');
  return file.includes('exports.c') ? 'wasm/exports.c' : 'linker';
}

/** {functions: Map name > [{library, file, size}], data: Map library > bytes}, of wasm-ld's map. */
export function linkMap(text) {
  const functions = new Map();
  const data = new Map();
  for (const line of text.split('\n')) {
    const found = /^\s*(\S+)\s+\S+\s+([0-9a-f]+)\s+(\S+):\((.+)\)$/.exec(line);
    if (!found) continue;
    const [, address, hex, file, name] = found;
    const [size, library] = [parseInt(hex, 16), libraryOf(file)];
    if (address !== '-') data.set(library, (data.get(library) ?? 0) + size);
    else if (!functions.has(name)) functions.set(name, [{library, file, size}]);
    else functions.get(name).push({library, file, size});
  }
  return {functions, data};
}

/** Where a function came from. The optimizer numbers those that share a name: the nearest in size. */
export function originOf({name, bytes}, map) {
  const all = map.functions.get(name) ?? map.functions.get(name.replace(/_\d+$/, ''));
  if (!all) return {library: 'linker', file: ''};
  const far = ({size}) => Math.abs(size - bytes.length);
  return all.reduce((a, b) => (far(b) < far(a) ? b : a));
}
