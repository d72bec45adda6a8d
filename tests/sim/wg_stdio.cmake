# wg_stdio: a wg_device as a program, for tests/interop/wireguard_go.test.mjs.
if(FUZZ)
    return()
endif()
add_executable(wg_stdio ${TESTS_DIR}/interop/wg_stdio.c)
test_links(wg_stdio wg)
