/* In place of the package, for the hub page's own modules: an IPN that notes what is asked of it. */
export const asked = [];
/** What the page told run(): the core speaks by it. */
export let callbacks;

export default async () => {};

export const sealedState = () => ({});

export const createIPN = async () => ({
  run: (given) => (callbacks = given),
  login: (authKey) => asked.push(['login', authKey]),
  close: async () => asked.push(['close']),
});
