/* What tells one build of the package from another: js/build.mjs puts a hash of it here. */
declare const __MESHTERM_VERSION__: string | undefined;

export const VERSION =
  typeof __MESHTERM_VERSION__ === 'string' ? __MESHTERM_VERSION__ : 'unversioned';
