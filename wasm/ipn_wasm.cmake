# ipn.wasm: a standalone module without generated JavaScript. exports.txt is the whole export list;
# imports.txt the whole import list; tests/wasm_symbols.test.mjs holds the built module to both.
set(STACK_BYTES 131072)      # 128 kB: libssh2 and mbedTLS keep packets and bignums on it
set(INITIAL_BYTES 2621440)   # 2.5 MB, 40 pages
set(MAXIMUM_BYTES 268435456) # 256 MB

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${WASM_DIR}/exports.txt)
# The others (memory, the start function ...) are exported by the linker.
file(STRINGS ${WASM_DIR}/exports.txt EXPORTS REGEX "^x_")
list(TRANSFORM EXPORTS PREPEND _)
list(JOIN EXPORTS "," EXPORTS)

if(NOT EXISTS ${WASM_DIR}/exports.c)
    message(WARNING "wasm/exports.c is not there yet: no target ipn.wasm")
    return()
endif()
# -mbulk-memory for the C library alone: its memcpy is the engine's from 512 bytes on. Compiled code
# would use it for copies of a few bytes too, where the call costs more than the copy. Every engine
# with SIMD has it.
#
# ipn.wasm, and the same with the names of its functions kept: for profiles, built when asked for.
function(ipn_module NAME)
    add_executable(${NAME}.wasm ${WASM_DIR}/exports.c)
    set_target_properties(${NAME}.wasm PROPERTIES OUTPUT_NAME ${NAME} SUFFIX .wasm
                          LINK_DEPENDS ${WASM_DIR}/exports.txt)
    target_compile_options(${NAME}.wasm PRIVATE ${WARNINGS} ${HOT_FLAGS})
    target_link_libraries(${NAME}.wasm PRIVATE core)
    target_link_options(${NAME}.wasm PRIVATE
        -O3 -mbulk-memory -sSTANDALONE_WASM --no-entry -sFILESYSTEM=0 -sEXPORTED_FUNCTIONS=${EXPORTS}
        -sSTACK_SIZE=${STACK_BYTES} -sINITIAL_MEMORY=${INITIAL_BYTES}
        -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=${MAXIMUM_BYTES} ${ARGN})
endfunction()
ipn_module(ipn)
ipn_module(ipn_named --profiling-funcs -Wl,-Map=${CMAKE_BINARY_DIR}/ipn_named.map)
set_target_properties(ipn_named.wasm PROPERTIES EXCLUDE_FROM_ALL ON)
