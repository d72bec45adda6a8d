# The scripted control server of tests/unit/control, for the harness of its sequences.
foreach(TEST fuzz_control_session planted_control_session)
    if(TARGET ${TEST})
        target_sources(${TEST} PRIVATE ${TESTS_DIR}/unit/control/control_world.c
                                       ${TESTS_DIR}/unit/control/control_server.c)
    endif()
endforeach()
