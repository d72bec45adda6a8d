// The table of engines in README.md: what each was found to do. Cells begin with yes or no.
//
//   | engine | Chromium 156 | Firefox ESR 153 | WebKitGTK 2.50 |
//   | Web Locks | yes | yes | yes |

const HEADER = /^\| *engine *\|/;

export function readEngines(readme) {
  const lines = readme.split('\n');
  const at = lines.findIndex((line) => HEADER.test(line));
  const rows = [];
  for (let i = at; at >= 0 && lines[i]?.startsWith('|'); i++)
    rows.push(lines[i].split('|').map((cell) => cell.trim()));
  return {
    /** undefined where the table has no such line or column. */
    cell(ability, engine) {
      const column = rows[0]?.findIndex((head) => head.startsWith(engine));
      return rows.find(([, name]) => name === ability)?.[column];
    },
  };
}
