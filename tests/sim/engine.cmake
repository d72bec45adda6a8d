# The whole engine in virtual time (engine/world.h): sim_ipn_<name> from engine/<name>.c. The far
# node's TCP/IP stack is the module of netstack.cmake.
file(GLOB MINI_SERVER CONFIGURE_DEPENDS ${TESTS_DIR}/support/ssh/mini_*.c)
add_library(engine_world STATIC ${TESTS_DIR}/sim/engine/world.c ${TESTS_DIR}/sim/engine/script.c
            ${TESTS_DIR}/sim/engine/far.c ${TESTS_DIR}/sim/engine/far_ssh.c
            ${MINI_SERVER} ${TESTS_DIR}/unit/control/control_server.c)
test_links(engine_world ipn)
target_link_libraries(engine_world PUBLIC core nghttp2 ${core_ssh_THIRD} ${CMAKE_DL_LIBS})
target_compile_definitions(engine_world PRIVATE ENDPOINT="$<TARGET_FILE:netstack_endpoint>")
add_dependencies(engine_world netstack_endpoint)

target_link_libraries(fuzz_ipn PRIVATE engine_world)
if(FUZZ)
    target_link_libraries(planted_ipn PRIVATE engine_world)
    return()
endif()

function(engine_test NAME)
    add_executable(sim_ipn_${NAME} ${TESTS_DIR}/sim/engine/${NAME}.c)
    test_links(sim_ipn_${NAME} ipn)
    target_link_libraries(sim_ipn_${NAME} PRIVATE engine_world)
    add_test(NAME sim_ipn_${NAME} COMMAND sim_ipn_${NAME} WORKING_DIRECTORY ${TESTS_DIR})
    set_tests_properties(sim_ipn_${NAME} PROPERTIES TIMEOUT 300)
endfunction()

foreach(NAME join peers hostile streams life membership outage ssh ssh_share ssh_turns known_hosts)
    engine_test(${NAME})
endforeach()
engine_test(nomem)
set_tests_properties(sim_ipn_nomem PROPERTIES TIMEOUT 1200) # one life for each allocation
target_link_options(sim_ipn_nomem PRIVATE -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc)
