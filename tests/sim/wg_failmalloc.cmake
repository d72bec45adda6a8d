# The n-th allocation of a WireGuard device fails, for every n.
if(FUZZ)
    return()
endif()
add_executable(sim_wg_failmalloc ${TESTS_DIR}/support/wg/failmalloc.c ${TESTS_DIR}/sim/sim.c
               ${TESTS_DIR}/sim/wg_world.c)
test_links(sim_wg_failmalloc wg)
target_link_options(sim_wg_failmalloc PRIVATE -Wl,--wrap=malloc,--wrap=calloc)
add_test(NAME sim_wg_failmalloc COMMAND sim_wg_failmalloc)
