/*
 * How a page logs in where the tailnet's word is not enough: the private keys that a person gave
 * it, which are gone with the page.
 */

export class Login {
  readonly privateKeys: string[] = [];

  addKey(text: string): void {
    if (!this.privateKeys.includes(text)) this.privateKeys.unshift(text);
    this.privateKeys.splice(MAX_KEYS);
  }
}

/** As many as the core takes; a server counts each one that it does not know as a failure. */
const MAX_KEYS = 4;

/** The text of a file that a person chooses; never settles if none is chosen. */
export function chooseTextFile(): Promise<string> {
  return new Promise((resolve, reject) => {
    const input = document.createElement('input');
    input.type = 'file';
    input.addEventListener('change', () => {
      const file = input.files?.[0];
      if (file) file.text().then(resolve, reject);
    });
    input.click();
  });
}
