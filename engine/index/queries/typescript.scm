; What TypeScript alone has.

(abstract_class_declaration name: (_) @name (class_heritage)? @bases body: (_) @body) @class
(public_field_definition name: (_) @name value: (arrow_function body: (_) @body)) @method
(public_field_definition name: (_) @name) @field
(abstract_method_signature name: (_) @name) @method
(method_signature name: (_) @name) @method
(property_signature name: (_) @name) @field
(function_signature name: (_) @name) @function
(interface_declaration name: (_) @name (extends_type_clause)? @bases body: (_) @body) @interface
(type_alias_declaration name: (_) @name) @type
(enum_declaration name: (_) @name body: (_) @body) @enum
(enum_assignment name: (_) @name) @variant
(internal_module name: (_) @name body: (_) @body) @module
(module name: (_) @name body: (_) @body) @module
