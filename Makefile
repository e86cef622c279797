# Thin aliases: ./run is the command.
.PHONY: run test check
run test check:
	@./run $(filter-out run,$@)
