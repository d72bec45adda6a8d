# For npm run bench, built only when asked for by name, in build/wasm beside ipn.wasm:
#
#   ipn_named.wasm   ipn.wasm with the names of its functions kept, for profiles and the size report
#   world.wasm       all that surrounds the engine (world.h), on the same libraries
file(GLOB MINI_SERVER CONFIGURE_DEPENDS ${TESTS_DIR}/support/ssh/mini_*.c)
add_executable(world.wasm EXCLUDE_FROM_ALL
    ${TESTS_DIR}/bench/core/world.c ${TESTS_DIR}/bench/core/world_ipn.c
    ${TESTS_DIR}/sim/engine/world.c ${TESTS_DIR}/sim/engine/script.c ${TESTS_DIR}/sim/engine/far.c
    ${TESTS_DIR}/sim/engine/far_ssh.c ${TESTS_DIR}/sim/netstack/endpoint.c
    ${TESTS_DIR}/support/relay.c ${MINI_SERVER}
    ${TESTS_DIR}/unit/control/control_server.c)
set_target_properties(world.wasm PROPERTIES OUTPUT_NAME world SUFFIX .wasm C_EXTENSIONS ON)
target_compile_options(world.wasm PRIVATE -w -O2)
target_compile_definitions(world.wasm PRIVATE ENDPOINT="linked" TEST_VECTORS="")
target_include_directories(world.wasm PRIVATE ${TESTS_DIR} ${TESTS_DIR}/unit ${WASM_DIR})
target_link_libraries(world.wasm PRIVATE core lwip nghttp2 mbedtls libsodium)
target_link_options(world.wasm PRIVATE -O2 -sSTANDALONE_WASM --no-entry
    -sEXPORTED_FUNCTIONS=_bench_run,_bench_room -sSTACK_SIZE=1048576 -sINITIAL_MEMORY=67108864
    -sALLOW_MEMORY_GROWTH=1 -sMAXIMUM_MEMORY=1073741824 -sERROR_ON_UNDEFINED_SYMBOLS=0)
