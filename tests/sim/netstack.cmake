# sim_netstack_<name>: two copies of the whole stack, loaded as modules (netstack/endpoint.h), back
# to back. `sim_netstack_pair bench` prints what a clean link carries.
file(GLOB ENDPOINT_SOURCES CONFIGURE_DEPENDS ${WASM_DIR}/netstack/*.c ${WASM_DIR}/base/*.c)
get_target_property(ENDPOINT_LWIP lwip SOURCES)
set_source_files_properties(${ENDPOINT_LWIP} PROPERTIES COMPILE_OPTIONS -w)
add_library(netstack_endpoint MODULE ${TESTS_DIR}/sim/netstack/endpoint.c ${ENDPOINT_SOURCES}
            ${WASM_DIR}/crypto/blake2s.c ${ENDPOINT_LWIP})
target_include_directories(netstack_endpoint PRIVATE ${TESTS_DIR} ${WASM_DIR})
target_include_directories(netstack_endpoint SYSTEM PRIVATE
                           $<TARGET_PROPERTY:lwip,INTERFACE_INCLUDE_DIRECTORIES>)
target_compile_options(netstack_endpoint PRIVATE ${TEST_FLAGS} -fvisibility=hidden)
set_target_properties(netstack_endpoint PROPERTIES PREFIX "" C_EXTENSIONS ON
                      POSITION_INDEPENDENT_CODE ON)
add_custom_command(TARGET netstack_endpoint POST_BUILD
                   COMMAND ${CMAKE_COMMAND} -E copy $<TARGET_FILE:netstack_endpoint>
                           ${CMAKE_BINARY_DIR}/netstack_endpoint_b.so)
if(FUZZ)
    return()
endif()
foreach(NAME pair life crowd)
    add_executable(sim_netstack_${NAME} ${TESTS_DIR}/sim/netstack/${NAME}.c
                   ${TESTS_DIR}/sim/netstack/world.c ${TESTS_DIR}/sim/netstack/ends.c)
    test_links(sim_netstack_${NAME} base)
    add_dependencies(sim_netstack_${NAME} netstack_endpoint)
    target_compile_definitions(sim_netstack_${NAME} PRIVATE
                               ENDPOINT_A="$<TARGET_FILE:netstack_endpoint>"
                               ENDPOINT_B="${CMAKE_BINARY_DIR}/netstack_endpoint_b.so")
    add_test(NAME sim_netstack_${NAME} COMMAND sim_netstack_${NAME})
    set_tests_properties(sim_netstack_${NAME} PROPERTIES TIMEOUT 300)
endforeach()
