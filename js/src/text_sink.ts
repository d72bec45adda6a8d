/* Text of one stream of bytes; a character cut in two by the network stays whole. */
import {callPage} from './callbacks.js';
import type {Sink} from './delivery.js';

export interface TextSink {
  sink: Sink;
  end(): void;
}

export function textSink(write: (text: string) => unknown): TextSink {
  const decoder = new TextDecoder('utf-8', {ignoreBOM: true});
  return {
    sink: (bytes) => {
      const text = decoder.decode(bytes, {stream: true});
      return text === '' ? undefined : write(text);
    },
    end: () => {
      const rest = decoder.decode();
      if (rest !== '') callPage(write, rest);
    },
  };
}
