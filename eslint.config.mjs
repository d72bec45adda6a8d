import js from '@eslint/js';
import tseslint from 'typescript-eslint';

const globals = (names) => Object.fromEntries(names.split(' ').map((name) => [name, 'readonly']));
const EVERYWHERE =
  'AbortController AbortSignal Blob Event EventTarget MessageChannel MessagePort ' +
  'ReadableStream TextDecoder TextEncoder TransformStream WritableStream URL URLSearchParams WebAssembly WebSocket atob btoa clearInterval ' +
  'clearTimeout console crypto fetch performance queueMicrotask setInterval setTimeout structuredClone';
const NODE = 'Buffer clearImmediate global process setImmediate';
const PAGE =
  'Worker SharedWorker cancelAnimationFrame customElements document history location localStorage ' +
  'navigator requestAnimationFrame self sessionStorage window MutationObserver ResizeObserver ' +
  'HTMLElement IntersectionObserver Notification getComputedStyle matchMedia';

export default tseslint.config(
  {ignores: ['**/dist/', 'build/', 'node_modules/', 'tests/peers/', 'tests/vectors/']},
  js.configs.recommended,
  {
    languageOptions: {globals: globals(`${EVERYWHERE} ${NODE}`)},
    linterOptions: {reportUnusedDisableDirectives: 'error'},
    rules: {
      eqeqeq: ['error', 'always'],
      'no-unused-vars': ['error', {argsIgnorePattern: '^_', caughtErrors: 'none'}],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  // Scripts of the page, and functions of the tests that run in one.
  {
    files: ['web/**', 'tests/**'],
    languageOptions: {globals: globals(PAGE)},
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {parserOptions: {projectService: true, tsconfigRootDir: import.meta.dirname}},
    rules: {
      'no-undef': 'off', // TypeScript's own
      'no-unused-vars': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        {argsIgnorePattern: '^_', caughtErrors: 'none'},
      ],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        {considerDefaultExhaustiveForUnions: true},
      ],
      // The contract takes objects of functions from the page; none of them uses `this`.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
    },
  },
);
