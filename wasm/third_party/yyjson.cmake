# yyjson 0.10.0, strict JSON without its pointer and patch utilities; inlined where the compiler likes it
# and not everywhere, which is 40 kB less.
set(DIR ${MESHTERM_DEPS}/yyjson/src)
third_party(yyjson COLD PARSER SOURCES ${DIR}/yyjson.c INCLUDES ${DIR}
    DEFINES YYJSON_DISABLE_NON_STANDARD YYJSON_DISABLE_FAST_FP_CONV YYJSON_DISABLE_UTILS yyjson_inline=__inline__)
