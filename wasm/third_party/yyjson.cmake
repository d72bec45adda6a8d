# yyjson 0.10.0, strict JSON without its pointer and patch utilities.
set(DIR ${MESHTERM_DEPS}/yyjson/src)
third_party(yyjson COLD PARSER SOURCES ${DIR}/yyjson.c INCLUDES ${DIR}
    DEFINES YYJSON_DISABLE_NON_STANDARD YYJSON_DISABLE_FAST_FP_CONV YYJSON_DISABLE_UTILS)
